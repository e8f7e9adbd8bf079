package io.flinkserving.example.wine;

import com.google.protobuf.Descriptors.FieldDescriptor;
import io.flinkserving.wire.WineRecord;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Wine records from CSV: with {@code ;} or {@code ,} between the columns, with a header line or
 * without. Without, the columns are the numeric fields of {@link WineRecord} in its order, then, if
 * there are more, others. With a header, it names the fields, in any order; upper case, blanks and
 * punctuation do not matter, and other columns are left out.
 */
public final class WineCsv {

    private static final Pattern NUMBER =
            Pattern.compile("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?");

    private static final List<FieldDescriptor> FIELDS = numericFields();

    private final String source;
    private final String dataType;
    private String separator;

    /** Column of each field. */
    private int[] columns;

    private WineCsv(String source, String dataType) {
        this.source = source;
        this.dataType = dataType;
    }

    /**
     * Reads all records.
     *
     * @param source what errors call the text
     * @param dataType of the records
     * @throws IOException also for a text that is not as described; it names line and column
     */
    public static List<WineRecord> read(Reader text, String source, String dataType)
            throws IOException {
        return new WineCsv(source, dataType).read(new BufferedReader(text));
    }

    private List<WineRecord> read(BufferedReader reader) throws IOException {
        List<WineRecord> records = new ArrayList<>();
        int number = 0;
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            number++;
            String content = number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
            if (content.isBlank()) {
                continue;
            }
            if (columns == null) {
                separator = content.indexOf(';') >= 0 ? ";" : ",";
                String[] cells = split(content);
                if (isHeader(cells)) {
                    columns = header(cells, number);
                    continue;
                }
                columns = inOrder();
            }
            records.add(record(split(content), number));
        }
        if (records.isEmpty()) {
            throw new IOException(source + ": no records");
        }
        return records;
    }

    private WineRecord record(String[] cells, int line) throws IOException {
        WineRecord.Builder record = WineRecord.newBuilder().setDataType(dataType);
        for (int i = 0; i < columns.length; i++) {
            FieldDescriptor field = FIELDS.get(i);
            int column = columns[i];
            if (column >= cells.length) {
                throw new IOException(
                        place(line, column, field)
                                + "missing, the line has "
                                + cells.length
                                + " columns");
            }
            String cell = cells[column];
            double value = NUMBER.matcher(cell).matches() ? Double.parseDouble(cell) : Double.NaN;
            if (Double.isNaN(value) || Double.isInfinite(value)) {
                throw new IOException(
                        place(line, column, field) + "'" + cell + "' is not a number");
            }
            record.setField(field, value);
        }
        return record.build();
    }

    private String place(int line, int column, FieldDescriptor field) {
        return String.format(
                "%s, line %d, column %d (%s): ", source, line, column + 1, field.getName());
    }

    private String[] split(String line) {
        String[] cells = line.split(separator, -1);
        for (int i = 0; i < cells.length; i++) {
            String cell = cells[i].trim();
            boolean quoted = cell.length() >= 2 && cell.startsWith("\"") && cell.endsWith("\"");
            cells[i] = quoted ? cell.substring(1, cell.length() - 1).trim() : cell;
        }
        return cells;
    }

    /** A line in which a cell begins with a letter; a bad number is not taken for a header. */
    private static boolean isHeader(String[] cells) {
        for (String cell : cells) {
            if (!cell.isEmpty() && !Character.isLetter(cell.charAt(0))) {
                return false;
            }
        }
        return true;
    }

    private int[] header(String[] cells, int line) throws IOException {
        int[] found = new int[FIELDS.size()];
        for (int i = 0; i < found.length; i++) {
            String wanted = plain(FIELDS.get(i).getName());
            found[i] = -1;
            for (int column = 0; column < cells.length; column++) {
                if (plain(cells[column]).equals(wanted)) {
                    if (found[i] >= 0) {
                        throw new IOException(place(line, column, FIELDS.get(i)) + "named twice");
                    }
                    found[i] = column;
                }
            }
            if (found[i] < 0) {
                throw new IOException(
                        String.format(
                                "%s, line %d: the header has no column %s",
                                source, line, FIELDS.get(i).getName()));
            }
        }
        return found;
    }

    private static int[] inOrder() {
        int[] order = new int[FIELDS.size()];
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        return order;
    }

    private static String plain(String name) {
        StringBuilder letters = new StringBuilder();
        name.toLowerCase(Locale.ROOT)
                .chars()
                .filter(Character::isLetterOrDigit)
                .forEach(c -> letters.append((char) c));
        return letters.toString();
    }

    private static List<FieldDescriptor> numericFields() {
        List<FieldDescriptor> fields = new ArrayList<>();
        for (FieldDescriptor field : WineRecord.getDescriptor().getFields()) {
            if (field.getJavaType() == FieldDescriptor.JavaType.DOUBLE) {
                fields.add(field);
            }
        }
        return fields;
    }
}
