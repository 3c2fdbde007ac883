package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.MountedView.Statistics;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a server tells of a mount.
 *
 * @param id the kernel's number of the mount
 * @param server the server's process
 */
record ServedMount(int id, long server, String mode, String verification, Statistics statistics) {
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final int FIELDS = 8;

  static ServedMount of(MountedView view) {
    return new ServedMount(
        view.id(),
        ProcessHandle.current().pid(),
        view.mode().label(),
        view.verification().label(),
        view.statistics());
  }

  List<String> encode() {
    return List.of(
        Integer.toString(id),
        Long.toString(server),
        mode,
        verification,
        Long.toString(statistics.requests()),
        Long.toString(statistics.bytes()),
        Long.toString(statistics.failures()),
        Integer.toString(statistics.openObjects()));
  }

  private static ServedMount decode(List<String> fields) {
    return new ServedMount(
        Integer.parseInt(fields.get(0)),
        Long.parseLong(fields.get(1)),
        fields.get(2),
        fields.get(3),
        new Statistics(
            Long.parseLong(fields.get(4)),
            Long.parseLong(fields.get(5)),
            Long.parseLong(fields.get(6)),
            Integer.parseInt(fields.get(7))));
  }

  /**
   * {@return what all servers tell, by the numbers of the mounts; those that are silent are not}
   */
  static Map<Integer, ServedMount> ask() throws IOException {
    Map<Integer, ServedMount> all = new HashMap<>();
    for (Path socket : Servers.sockets()) {
      List<String> answer = new ArrayList<>();
      try {
        List<String> told = Servers.ask(socket, List.of(MountServer.STATISTICS), PATIENCE);
        answer.addAll(told == null ? List.of() : told);
      } catch (IOException e) {
        // one that hangs must not hide the others
      }
      for (int at = 0; at + FIELDS <= answer.size(); at += FIELDS) {
        ServedMount mount = decode(answer.subList(at, at + FIELDS));
        all.put(mount.id(), mount);
      }
    }
    return all;
  }
}
