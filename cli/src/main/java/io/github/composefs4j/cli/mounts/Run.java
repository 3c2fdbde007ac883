package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Again;
import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Signals;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.SystemTrees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code run}: a program in an image, by a user without rights. A Java process cannot enter
 * namespaces, being several threads; {@code unshare(1)} does, and starts this program in them
 * again, which mounts, and runs the command.
 */
public final class Run implements Command {
  /** Set for the process that is inside. */
  private static final String INSIDE = "composefs.run.inside";

  private static final int NOT_EXECUTED = 126;

  private final MountArguments arguments = new MountArguments();
  private @Nullable Path at;

  @Override
  public Definition definition() {
    return arguments
        .addTo(Definition.command("run", "run a command in an image"))
        .option(
            "at",
            "DIR",
            "mount the image there, instead of making it the root",
            v -> at = Arguments.path(v))
        .operand("SOURCE", "an image file; else the name of one")
        .repeated("COMMAND", "a program and its arguments, after --", false)
        .failure("the image cannot be mounted; otherwise the status is that of the command")
        .describe(
            "The command runs in user and mount namespaces of its own, as their root, and the image"
                + " is its root directory. Where the image has the directories /proc, /sys and /dev,"
                + " they are the system's; /tmp is empty and writable. All is gone when the command"
                + " ends. It needs no rights, only unshare(1).")
        .describe("Owners other than who runs it appear as 65534.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (operands.size() < 2) {
      throw new UsageException("no command; see --help");
    }
    List<String> command = operands.subList(1, operands.size());
    if (!Again.is(INSIDE)) {
      List<String> enter =
          new ArrayList<>(List.of("unshare", "--user", "--map-root-user", "--mount", "--"));
      enter.addAll(Again.command(INSIDE));
      return await(new ProcessBuilder(enter).inheritIO());
    }
    return arguments.use(operands.getFirst(), false, new Inside(at, command));
  }

  /** In the namespaces: mounts, runs, and takes away. */
  private static final class Inside implements MountArguments.Use {
    private final @Nullable Path at;
    private final List<String> command;
    private @Nullable MountedView view;
    private @Nullable Path made;

    Inside(@Nullable Path at, List<String> command) {
      this.at = at;
      this.command = command;
    }

    @Override
    public void mount(ViewOptions byKernel, ViewOptions byServer) throws IOException {
      Path target = at;
      if (target == null) {
        target = Files.createTempDirectory("composefs-run");
        made = target;
      }
      try {
        view = Mounts.mount(byServer, target);
      } catch (IOException | RuntimeException e) {
        clean();
        throw e;
      }
    }

    @Override
    public int end() throws IOException {
      try {
        List<String> line = new ArrayList<>(List.of("unshare"));
        if (made != null) {
          SystemTrees.addTo(made);
          line.addAll(List.of("--root=" + made, "--wd=/"));
        }
        line.add("--");
        line.addAll(command);
        return await(new ProcessBuilder(line).inheritIO());
      } finally {
        clean();
      }
    }

    private void clean() throws IOException {
      if (view != null) {
        view.close();
      }
      if (made != null) {
        Files.deleteIfExists(made);
      }
    }
  }

  /**
   * {@return the status of a program that has the terminal} What is typed to interrupt goes to all
   * of the group: the program decides. An end that is asked of this process is asked of it.
   */
  private static int await(ProcessBuilder builder) throws IOException {
    Signals.leaveToChildren();
    Process process = Again.start(builder);
    Thread caller = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process, caller)));
    try {
      return process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroy();
      return NOT_EXECUTED;
    }
  }

  /** The virtual machine ends when this returns: not before the caller has cleaned up. */
  private static void stop(Process process, Thread caller) {
    process.destroy();
    try {
      caller.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
