package io.flinkserving.boundary;

import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import io.flinkserving.wire.ProtobufLayout;
import java.util.LinkedHashSet;
import java.util.Set;

/** Tells the library what a record's message looks like. */
public final class ProtobufLayouts {

    private ProtobufLayouts() {}

    /** The message with all files that its own refers to. */
    public static ProtobufLayout of(Descriptor message) {
        Set<FileDescriptor> files = new LinkedHashSet<>();
        collect(message.getFile(), files);
        FileDescriptorSet.Builder set = FileDescriptorSet.newBuilder();
        for (FileDescriptor file : files) {
            set.addFile(file.toProto());
        }
        return ProtobufLayout.newBuilder()
                .setFileDescriptorSet(set.build().toByteString())
                .setMessage(message.getFullName())
                .build();
    }

    /** Dependencies first, as protoc orders them. */
    private static void collect(FileDescriptor file, Set<FileDescriptor> files) {
        for (FileDescriptor dependency : file.getDependencies()) {
            collect(dependency, files);
        }
        files.add(file);
    }
}
