package io.github.composefs4j.fuse;

import io.github.composefs4j.core.verified.VerifyOptions;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads that help to hash, for all mounts of the process. They are started by whoever mounts: a
 * thread may run where the one that started it may, and those that serve io_uring are held to a
 * processor each.
 */
final class Helpers {
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();
  private static final ThreadPoolExecutor POOL = pool();
  private static final SpareMemory MEMORY = new SpareMemory();

  private Helpers() {}

  private static ThreadPoolExecutor pool() {
    int threads = Math.max(1, PROCESSORS - 1);
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name("composefs hashing ", 0).factory());
    pool.prestartAllCoreThreads();
    return pool;
  }

  /** {@return the usual options, with these helpers and memory for first reads} */
  static VerifyOptions options() {
    return VerifyOptions.defaults().withHelpers(POOL, PROCESSORS).withFirstReads(MEMORY);
  }
}
