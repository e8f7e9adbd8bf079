/**
 * A record source, an operator and a sink on a MiniCluster; only the operator differs between
 * variants.
 */
package io.flinkserving.benchmarks.pipeline;
