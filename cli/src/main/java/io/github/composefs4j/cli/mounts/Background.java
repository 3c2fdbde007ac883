package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Again;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Launched;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.Daemon;
import io.github.composefs4j.linux.MountException;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Mounts that outlive the command: of the kernel, of a server that is there, or of a new one. A new
 * one is this process, if the launcher can go without it, or else another.
 */
final class Background implements MountArguments.Use {
  /** Set for the process that serves in the background. */
  private static final String SERVER = "composefs.mount.server";

  /** Set for the same that reads its command line again: stores do not go into a message. */
  private static final String REPEATED = "composefs.mount.repeated";

  /** The whole image may have to be hashed. */
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Path target;
  private final boolean alone;
  private @Nullable MountServer server;

  /** Whether what is served is found by absolute paths alone. */
  private boolean movable;

  /**
   * Mounts on a directory.
   *
   * @param alone whether a server that is needed must be a new one, for this mount only
   */
  Background(Path target, boolean alone) {
    this.target = target;
    this.alone = alone;
  }

  /** {@return whether this process was started to serve} */
  static boolean isServer() {
    return Again.is(SERVER);
  }

  /** {@return whether it was started to do in the foreground what its command line says} */
  static boolean isRepeated() {
    return Again.is(REPEATED);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Returns once the mount answers.
   */
  @Override
  public void mount(ViewOptions byKernel, ViewOptions byServer) throws IOException {
    Mounts.cleanAll();
    // What the kernel serves needs no process that stays.
    if (byKernel.mode() == MountMode.KERNEL
        || byKernel.mode() == null && Mounts.isKernelFirst(byKernel)) {
      try {
        Mounts.mount(byKernel.with(MountMode.KERNEL, byKernel.verification()), target);
        return;
      } catch (MountException e) {
        if (byKernel.mode() == MountMode.KERNEL) {
          throw e;
        }
      }
    }
    MountRequest request = new MountRequest(byServer, target);
    requireMounted(byServer.store() == null ? byAnyServer(request) : byOwnServer(request));
  }

  @Override
  public int end() throws IOException {
    if (server != null) {
      server.listen();
      Daemon.detach(movable);
      Launched.tell(0);
      server.await();
    }
    return 0;
  }

  /** Fails with what a server said, unless it has mounted. */
  static void requireMounted(List<String> answer) throws IOException {
    if (answer.isEmpty() || !answer.getFirst().equals(MountServer.MOUNTED)) {
      throw new IOException(answer.size() > 1 ? answer.get(1) : "the server refuses");
    }
  }

  private List<String> byAnyServer(MountRequest request) throws IOException {
    if (!alone) {
      for (Path socket : Servers.sockets()) {
        List<String> answer = Servers.ask(socket, request.encode(), PATIENCE);
        if (answer != null && !answer.equals(List.of(MountServer.CLOSED))) {
          return answer;
        }
      }
    }
    if (!Launched.isWaitedFor()) {
      List<String> message = new ArrayList<>(List.of(Boolean.toString(!alone)));
      message.addAll(request.encode());
      return start(SERVER, new File("/"), message);
    }
    movable = true;
    return here(MountRequest.decode(request.encode()));
  }

  /** A store, and with it the command line, is nothing to any other server. */
  private List<String> byOwnServer(MountRequest request) throws IOException {
    return Launched.isWaitedFor()
        ? here(request)
        : start(REPEATED, new File("").getAbsoluteFile(), List.of());
  }

  private List<String> here(MountRequest request) {
    MountServer fresh = new MountServer(movable && !alone);
    List<String> answer = fresh.mount(request);
    server = fresh;
    return answer;
  }

  private static List<String> start(String what, File directory, List<String> message)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("setsid"));
    command.addAll(Again.command(what));
    Process process = Again.start(new ProcessBuilder(command).directory(directory));
    try (OutputStream out = process.getOutputStream();
        InputStream in = process.getInputStream();
        InputStream err = process.getErrorStream()) {
      try {
        Servers.send(out, message);
        return Servers.receive(in);
      } catch (EOFException e) {
        String said = new String(err.readAllBytes(), StandardCharsets.UTF_8).strip();
        throw new IOException(said.isEmpty() ? "the server ended" : said);
      }
    }
  }

  /** Is the server of one mount, and of others if they may come to it, until the last is gone. */
  static int serve(Console console) throws IOException {
    List<String> message = Servers.receive(console.in());
    MountRequest request = MountRequest.decode(message.subList(1, message.size()));
    MountServer server = new MountServer(Boolean.parseBoolean(message.getFirst()));
    List<String> answer = server.mount(request);
    server.listen();
    Servers.send(console.out(), answer);
    server.await();
    return 0;
  }
}
