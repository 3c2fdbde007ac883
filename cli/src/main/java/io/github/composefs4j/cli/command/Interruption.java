package io.github.composefs4j.cli.command;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Files, and more, that a signal must not leave behind. A shutdown hook removes them; from then on
 * no further file is made, and the program's end is the signal's: its exit status is 128 and the
 * signal's number.
 */
public final class Interruption {
  private static final Set<Path> TEMPORARY = new HashSet<>();
  private static boolean hooked;
  private static boolean underway;

  private Interruption() {}

  /** Has something done when a signal ends the program, which waits for it. */
  public static void atEnd(Runnable action) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> {
              synchronized (TEMPORARY) {
                underway = true;
              }
              action.run();
            }));
  }

  /** {@return a new file, which must not be there yet; gone when a signal ends the program} */
  static FileChannel create(Path file) throws IOException {
    synchronized (TEMPORARY) {
      awaitEnd();
      if (!hooked) {
        Runtime.getRuntime().addShutdownHook(new Thread(Interruption::clean));
        hooked = true;
      }
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      TEMPORARY.add(file);
      return channel;
    }
  }

  /** Removes a file made here, if it is still under its name. */
  static void remove(Path file) {
    synchronized (TEMPORARY) {
      if (TEMPORARY.remove(file)) {
        delete(file);
      }
    }
  }

  private static void clean() {
    synchronized (TEMPORARY) {
      underway = true;
      TEMPORARY.forEach(Interruption::delete);
    }
  }

  /**
   * Does not return if a signal is ending the program: errors that its cleaning causes are nobody's
   * business.
   */
  public static void awaitEnd() {
    boolean ending;
    synchronized (TEMPORARY) {
      ending = underway;
    }
    while (ending) {
      LockSupport.park();
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // nothing more can be done about it
    }
  }
}
