package io.flinkserving.model;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.flinkserving.state.ServingTypes;
import io.flinkserving.wire.ErrorCode;
import io.flinkserving.wire.InputBinding;
import io.flinkserving.wire.ModelDescriptor;
import io.flinkserving.wire.ModelDescriptor.Action;
import io.flinkserving.wire.ModelDescriptor.Engine;
import io.flinkserving.wire.ModelPreprocessing;
import io.flinkserving.wire.OutputBinding;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/**
 * A message of the model stream, checked: a model, inline or by location, or a command about one.
 * Immutable. In Flink's state it is without its content, see {@link #withoutContent()}.
 */
@TypeInfo(ServingTypes.OfModel.class)
public final class ModelToServe {

    private static final int DIGEST_BYTES = 32;

    /** Digits of the digest that name a version where the message names none. */
    private static final int VERSION_DIGITS = 12;

    private final ModelDescriptor descriptor;
    private final byte[] content;

    private ModelToServe(ModelDescriptor descriptor, byte[] content) {
        this.descriptor = descriptor;
        this.content = content;
    }

    /**
     * Reads the bytes of a {@code ModelDescriptor} and checks them.
     *
     * @param maxModelSize most bytes of inline content
     * @throws ModelException DESCRIPTOR_UNREADABLE, DESCRIPTOR_INVALID, MODEL_TOO_LARGE or
     *     DIGEST_MISMATCH
     */
    public static ModelToServe read(byte[] message, long maxModelSize) throws ModelException {
        ModelDescriptor descriptor;
        try {
            descriptor = ModelDescriptor.parseFrom(message);
        } catch (InvalidProtocolBufferException e) {
            throw new ModelException(
                    ErrorCode.DESCRIPTOR_UNREADABLE,
                    message.length + " bytes are not a ModelDescriptor: " + e.getMessage());
        }
        return of(descriptor, maxModelSize);
    }

    /** Checks a descriptor of any size; see {@link #read}. */
    public static ModelToServe of(ModelDescriptor descriptor) throws ModelException {
        return of(descriptor, Long.MAX_VALUE);
    }

    /** Checks a descriptor; see {@link #read}. */
    public static ModelToServe of(ModelDescriptor message, long maxModelSize)
            throws ModelException {
        ModelDescriptor descriptor = OlderProtocol.translate(message);
        DescriptorCheck.check(descriptor);
        if (descriptor.getAction() != Action.ADD_OR_UPDATE) {
            return new ModelToServe(descriptor.toBuilder().clearMessageContent().build(), null);
        }
        if (!descriptor.hasData()) {
            return new ModelToServe(descriptor, null).withDigest(descriptor.getSha256());
        }
        if (descriptor.getData().size() > maxModelSize) {
            throw new ModelException(
                    ErrorCode.MODEL_TOO_LARGE,
                    String.format(
                            "model %s has %d bytes, more than model-serving.max-model-size (%d)",
                            descriptor.getName(), descriptor.getData().size(), maxModelSize));
        }
        byte[] content = descriptor.getData().toByteArray();
        ByteString digest = Digests.sha256(content);
        Digests.check(descriptor.getName(), descriptor.getSha256(), digest);
        ModelDescriptor bare = descriptor.toBuilder().clearMessageContent().build();
        return new ModelToServe(bare, content).withDigest(digest);
    }

    /** What {@link #stateDescriptor()} gave; not checked again. */
    public static ModelToServe ofState(ModelDescriptor descriptor, byte[] content) {
        return new ModelToServe(descriptor, content);
    }

    public String name() {
        return descriptor.getName();
    }

    public String description() {
        return descriptor.getDescription();
    }

    public String dataType() {
        return descriptor.getDataType();
    }

    /** Number of the model type. */
    public int type() {
        return descriptor.getModeltypeValue();
    }

    public Action action() {
        return descriptor.getAction();
    }

    /**
     * Empty only for a command, and for a model by location whose digest is not known before it is
     * read.
     */
    public String version() {
        return descriptor.getVersion();
    }

    /** When it was published, milliseconds since the epoch; 0: not said. */
    public long occurredOn() {
        return descriptor.getOccurredOn();
    }

    /** SHA-256 of the content as hex digits; empty when it is not known. */
    public String sha256() {
        return Digests.hex(descriptor.getSha256());
    }

    /**
     * The model itself, not a copy; null when it comes by location, for a command, and in state.
     */
    public byte[] content() {
        return content;
    }

    /** Where the model is; empty when it came inline. */
    public String location() {
        return descriptor.getLocation();
    }

    public boolean isByLocation() {
        return descriptor.hasLocation();
    }

    public List<InputBinding> inputs() {
        return descriptor.getInputsList();
    }

    public List<OutputBinding> outputs() {
        return descriptor.getOutputsList();
    }

    public boolean hasPreprocessing() {
        return descriptor.hasPreprocessing();
    }

    /** How the model's input is made of what several records bring. */
    public ModelPreprocessing preprocessing() {
        return descriptor.getPreprocessing();
    }

    /** The message, with digest and version as far as they are known. */
    public ModelDescriptor toDescriptor() {
        return content == null
                ? descriptor
                : descriptor.toBuilder().setData(ByteString.copyFrom(content)).build();
    }

    /** The message's bytes; {@link #read} takes them. */
    public byte[] toBytes() {
        return toDescriptor().toByteArray();
    }

    /** The message without the content, as state holds it. */
    public ModelDescriptor stateDescriptor() {
        return descriptor;
    }

    /** The same without its content; location and digest stay. */
    public ModelToServe withoutContent() {
        return content == null ? this : new ModelToServe(descriptor, null);
    }

    /** The same with this digest, which names the version if nothing else does. */
    private ModelToServe withDigest(ByteString digest) {
        if (digest.isEmpty()) {
            return this;
        }
        ModelDescriptor.Builder known = descriptor.toBuilder().setSha256(digest);
        if (known.getVersion().isEmpty()) {
            known.setVersion(Digests.hex(digest).substring(0, VERSION_DIGITS));
        }
        return new ModelToServe(known.build(), content);
    }

    /**
     * The same, knowing the content that its location turned out to have.
     *
     * @throws ModelException DIGEST_MISMATCH when it is not the content that the message speaks of
     */
    public ModelToServe withContentDigest(byte[] read) throws ModelException {
        ByteString digest = Digests.sha256(read);
        Digests.check(name(), descriptor.getSha256(), digest);
        return withDigest(digest);
    }

    /** The same, published at this time if it does not say when. */
    public ModelToServe arrivedOn(long time) {
        return occurredOn() != 0
                ? this
                : new ModelToServe(descriptor.toBuilder().setOccurredOn(time).build(), content);
    }

    public boolean isSameVersion(ModelToServe other) {
        return name().equals(other.name()) && version().equals(other.version());
    }

    /** Same name, version, type and content. */
    public boolean isSameModel(ModelToServe other) {
        return isSameVersion(other)
                && type() == other.type()
                && descriptor.getSha256().equals(other.descriptor.getSha256());
    }

    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof ModelToServe)) {
            return false;
        }
        ModelToServe that = (ModelToServe) other;
        return descriptor.equals(that.descriptor) && Arrays.equals(content, that.content);
    }

    @Override
    public int hashCode() {
        return Objects.hash(descriptor, Arrays.hashCode(content));
    }

    @Override
    public String toString() {
        return action() + " " + name() + " " + version() + " for " + dataType();
    }

    /** SHA-256 and its forms. */
    static final class Digests {

        private Digests() {}

        static ByteString sha256(byte[] content) {
            try {
                return ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(content));
            } catch (java.security.NoSuchAlgorithmException e) {
                throw new IllegalStateException("every JVM has SHA-256", e);
            }
        }

        static String hex(ByteString digest) {
            StringBuilder text = new StringBuilder(2 * digest.size());
            for (int i = 0; i < digest.size(); i++) {
                text.append(Character.forDigit(digest.byteAt(i) >> 4 & 0xf, 16));
                text.append(Character.forDigit(digest.byteAt(i) & 0xf, 16));
            }
            return text.toString();
        }

        static void check(String model, ByteString expected, ByteString actual)
                throws ModelException {
            if (!expected.isEmpty() && !expected.equals(actual)) {
                throw new ModelException(
                        ErrorCode.DIGEST_MISMATCH,
                        String.format(
                                "the content of model %s has SHA-256 %s, its descriptor says %s",
                                model, hex(actual), hex(expected)));
            }
        }
    }

    /** What makes a descriptor invalid. */
    private static final class DescriptorCheck {

        static void check(ModelDescriptor descriptor) throws ModelException {
            require(!descriptor.getName().isEmpty(), descriptor, "it has no name");
            require(!descriptor.getDataType().isEmpty(), descriptor, "it has no data type");
            require(
                    descriptor.getAction() != Action.UNRECOGNIZED,
                    descriptor,
                    "its action is " + descriptor.getActionValue());
            require(
                    descriptor.getEngine() != Engine.UNRECOGNIZED,
                    descriptor,
                    "its engine is " + descriptor.getEngineValue());
            require(
                    descriptor.getOccurredOn() >= 0,
                    descriptor,
                    "it occurred on " + descriptor.getOccurredOn());
            int digest = descriptor.getSha256().size();
            require(
                    digest == 0 || digest == DIGEST_BYTES,
                    descriptor,
                    "its sha256 has " + digest + " bytes");
            if (descriptor.getAction() == Action.ADD_OR_UPDATE) {
                require(
                        descriptor.hasLocation()
                                ? !descriptor.getLocation().isEmpty()
                                : !descriptor.getData().isEmpty(),
                        descriptor,
                        "it has neither data nor a location");
            }
        }

        private static void require(boolean holds, ModelDescriptor descriptor, String what)
                throws ModelException {
            if (!holds) {
                throw new ModelException(
                        ErrorCode.DESCRIPTOR_INVALID,
                        String.format(
                                "descriptor of model '%s' for data type '%s': %s",
                                descriptor.getName(), descriptor.getDataType(), what));
            }
        }
    }
}
