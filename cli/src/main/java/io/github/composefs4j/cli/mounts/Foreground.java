package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Serves in this process as long as the mount is there. */
final class Foreground implements MountArguments.Use {
  private final MountServer server = new MountServer(false);
  private final Path target;
  private final Console console;

  Foreground(Path target, Console console) {
    this.target = target;
    this.console = console;
  }

  @Override
  public void mount(ViewOptions byKernel, ViewOptions byServer) throws IOException {
    List<String> answer = server.mount(new MountRequest(byServer, target));
    if (Background.isRepeated()) {
      Servers.send(console.out(), answer);
    } else {
      Background.requireMounted(answer);
      try {
        console.println(String.join(" ", answer.subList(1, answer.size())));
        console.out().flush();
      } catch (IOException e) {
        server.close(); // or it would stay, with nobody to serve it
        throw e;
      }
    }
  }

  @Override
  public int end() {
    server.listen();
    server.await();
    return 0;
  }
}
