"""What the scripts of this repository share. Python 3.9 or later, standard library only.

toolchain   which tools this machine must have, and how to get them
maven       Maven runs whose output appears only when they fail
flink       a Flink distribution and a cluster of real processes (flink_distribution, flink_rest)
kafka       a Kafka broker as a real process (kafka_wire)
processes   child processes that never outlive the script, unless told to
locks       one script at a time
paths       the folders of the repository
console     how progress and errors are shown
"""
