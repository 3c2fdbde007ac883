package io.github.composefs4j.cli.command;

import java.lang.reflect.Proxy;
import java.util.List;

/** Signals from the terminal. */
public final class Signals {
  private Signals() {}

  /**
   * Leaves it to a program that is run in the foreground what an interruption from the terminal,
   * which all of a group get, means. Unlike one that is ignored, a signal that is handled is for
   * the program as it is by default.
   */
  public static void leaveToChildren() {
    for (String name : List.of("INT", "QUIT")) {
      try {
        // By reflection: the compiler warns of each use, and that cannot be switched off.
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object nothing =
            Proxy.newProxyInstance(
                handler.getClassLoader(), new Class<?>[] {handler}, (_, _, _) -> null);
        signal
            .getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance(name), nothing);
      } catch (ReflectiveOperationException e) {
        // the virtual machine keeps it for itself, or has no such class: it ends us, too
      }
    }
  }
}
