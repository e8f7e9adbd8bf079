/** Small networks of tensors in this library, onnxruntime and TensorFlow Java. */
package io.flinkserving.benchmarks.tensors;
