package io.flinkserving.query;

/** A query has no answer. The message says why and, where that is known, what to do. */
final class QueryException extends Exception {

    private static final long serialVersionUID = 1L;

    /** What went wrong; the exit code of the program. */
    enum Kind {
        /** Something that answers differently from what is expected, or not in time. */
        FAILED(1),
        USAGE(2),
        /** No JobManager answers. */
        NO_JOB_MANAGER(3),
        /** No running job, not the one that was named, or more than one. */
        NO_JOB(4),
        /** The job runs, but nothing answers at the queryable-state proxy. */
        NO_PROXY(5),
        /** The job has no stats for this data type. */
        UNKNOWN_KEY(6),
        /** The job's stats are of another version than this program. */
        VERSION_MISMATCH(7);

        private final int exitCode;

        Kind(int exitCode) {
            this.exitCode = exitCode;
        }

        int exitCode() {
            return exitCode;
        }
    }

    private final Kind kind;

    QueryException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    QueryException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    Kind kind() {
        return kind;
    }
}
