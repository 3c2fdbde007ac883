package io.github.composefs4j.bench;

import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** fs-verity digests: MB (of 1,000,000 bytes) a second. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@OperationsPerInvocation(HashBenchmark.MEGABYTES)
public class HashBenchmark {
  static final int MEGABYTES = 64;

  /** Of which algorithm. */
  @Param({"SHA256", "SHA512"})
  public HashAlgorithm algorithm;

  private byte[] bytes;
  private VerityHasher hasher;
  private ExecutorService threads;

  @Setup
  public void prepare() {
    bytes = new byte[MEGABYTES * 1_000_000];
    new Random(1).nextBytes(bytes);
    hasher = new VerityHasher(algorithm);
    threads = Executors.newCachedThreadPool();
  }

  @TearDown
  public void stop() {
    threads.shutdown();
  }

  @Benchmark
  public Digest oneThread() {
    hasher.update(bytes, 0, bytes.length);
    return hasher.digest();
  }

  @Benchmark
  public Digest allThreads() throws IOException {
    return VerityDigests.digest(
        HashRate.source(bytes),
        bytes.length,
        algorithm,
        VerityHasher.BLOCK_SIZE,
        threads,
        Runtime.getRuntime().availableProcessors());
  }
}
