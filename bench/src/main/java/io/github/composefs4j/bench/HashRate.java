package io.github.composefs4j.bench;

import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Prints how many MB a second are hashed, for {@code bench/run} to set beside OpenSSL's figure of
 * the same minute: so many threads, so many seconds after as long a warm-up.
 */
public final class HashRate {
  private HashRate() {}

  /** Arguments: threads, seconds. */
  public static void main(String[] args) throws IOException {
    int parallelism = Integer.parseInt(args[0]);
    double seconds = Double.parseDouble(args[1]);
    byte[] bytes = new byte[128_000_000];
    new Random(1).nextBytes(bytes);
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      rate(bytes, threads, parallelism, seconds);
      System.out.printf("%.0f%n", rate(bytes, threads, parallelism, seconds));
    }
  }

  private static double rate(
      byte[] bytes, ExecutorService threads, int parallelism, double seconds) throws IOException {
    long start = System.nanoTime();
    long hashed = 0;
    double passed;
    do {
      VerityDigests.digest(
          source(bytes),
          bytes.length,
          HashAlgorithm.SHA256,
          VerityHasher.BLOCK_SIZE,
          threads,
          parallelism);
      hashed += bytes.length;
      passed = (System.nanoTime() - start) / 1e9;
    } while (passed < seconds);
    return hashed / passed / 1e6;
  }

  static VerityDigests.Source source(byte[] bytes) {
    return (position, into, offset, length) -> {
      int read = (int) Math.min(length, bytes.length - position);
      System.arraycopy(bytes, (int) position, into, offset, read);
      return read;
    };
  }
}
