"""End-to-end tests: the shaded job jar on a JobManager and a TaskManager that are processes, with a Kafka broker that is one too.

They see built artifacts alone: the two job jars, the query's jar, topics, REST, logs. What they share is in

services       one broker, one cluster and one producer for all of them, started when first needed
serving        one job with its own topics: published to, awaited, queried
wire           messages as bytes, so that they can also be wrong
pmml           models small enough to stand in a test
jvm            what a running JVM holds: metaspace, classloaders, threads, mapped libraries, native handles
"""
