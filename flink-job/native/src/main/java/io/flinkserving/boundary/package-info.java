/**
 * The boundary to the Rust library: {@link io.flinkserving.boundary.NativeModel} is a compiled
 * model that any thread may use, {@link io.flinkserving.boundary.NativeScorer} scores with it in
 * one thread. Whoever opens one closes it. docs/boundary.md is the contract with the Rust side.
 */
package io.flinkserving.boundary;
