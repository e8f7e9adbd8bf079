/**
 * Measurements against peers, run by {@code scripts/bench}. One class per benchmark, registered in
 * {@link io.flinkserving.benchmarks.Benchmarks}; how they measure is in {@code docs/benchmarks.md}.
 */
package io.flinkserving.benchmarks;
