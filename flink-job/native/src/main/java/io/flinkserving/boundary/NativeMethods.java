package io.flinkserving.boundary;

import java.nio.ByteBuffer;

/**
 * The entry points of the library. Callers go through {@link NativeModel}, {@link NativeScorer} and
 * {@link NativeLibrary}, which see to it that the library is there and that a handle is closed once
 * and not used after that.
 */
final class NativeMethods {

    private NativeMethods() {}

    static native String version() throws NativeException;

    static native long loadModel(byte[] descriptor, byte[] content) throws NativeException;

    static native byte[] packModel(byte[] descriptor, byte[] content) throws NativeException;

    static native long restoreModel(byte[] stored) throws NativeException;

    static native byte[] modelInfo(long model) throws NativeException;

    static native byte[] modelBytes(long model) throws NativeException;

    static native void closeModel(long model) throws NativeException;

    static native byte[] describeScorer(long model, byte[] options) throws NativeException;

    static native long openScorer(long model, byte[] options, ByteBuffer input, ByteBuffer output)
            throws NativeException;

    static native int score(long scorer, int rows) throws NativeException;

    static native int scoreEnds(long scorer, int rows) throws NativeException;

    static native int rebind(long scorer, ByteBuffer input, ByteBuffer output)
            throws NativeException;

    static native byte[] scorerWindow(long scorer) throws NativeException;

    static native void restoreWindow(long scorer, byte[] window) throws NativeException;

    static native void closeScorer(long scorer) throws NativeException;

    static native void setNativeMemoryLimit(long bytes) throws NativeException;

    static native long nativeBytes() throws NativeException;

    static native long liveModels() throws NativeException;

    static native long liveScorers() throws NativeException;

    static native void panicForTest() throws NativeException;
}
