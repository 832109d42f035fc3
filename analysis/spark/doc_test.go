// Package spark_test runs the job of this folder on a cluster of processes, on Linux.
package spark_test
