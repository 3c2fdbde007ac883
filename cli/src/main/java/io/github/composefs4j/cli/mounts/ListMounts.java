package io.github.composefs4j.cli.mounts;

import com.google.gson.stream.JsonWriter;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Fields;
import io.github.composefs4j.cli.repository.Json;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.linux.MountTable;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** {@code mounts}: the images that are mounted, and whether those that need a server have one. */
public final class ListMounts implements Command {
  private boolean json;

  @Override
  public Definition definition() {
    return Definition.command("mounts", "list mounted images")
        .flag("json", "print JSON", () -> json = true)
        .describe(
            "A mount whose server was killed is shown as dead; the next mount takes it away, and so"
                + " does umount. One that has not answered in two seconds is silent.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException {
    List<MountTable.Entry> mounts = Mounts.list();
    if (json) {
      Map<Integer, ServedMount> served = ServedMount.ask();
      Json.print(
          console,
          out -> {
            out.beginArray();
            for (MountTable.Entry each : mounts) {
              out.beginObject();
              out.name("mountpoint").value(each.point());
              out.name("source").value(each.source());
              out.name("type").value(each.type());
              out.name("options").value(each.options());
              out.name("state").value(Mounts.state(each).label());
              ServedMount mount = served.get(each.id());
              if (mount != null) {
                writeServed(out, mount);
              }
              out.endObject();
            }
            out.endArray();
          });
    } else {
      for (MountTable.Entry each : mounts) {
        console.println(
            "%s %s %s %s"
                .formatted(
                    Fields.escape(each.point(), " "),
                    Fields.escape(each.source(), " "),
                    each.type(),
                    Mounts.state(each).label()));
      }
    }
    return 0;
  }

  private static void writeServed(JsonWriter out, ServedMount mount) throws IOException {
    out.name("mode").value(mount.mode());
    out.name("verification").value(mount.verification());
    out.name("server").value(mount.server());
    out.name("statistics").beginObject();
    out.name("requests").value(mount.statistics().requests());
    out.name("bytes").value(mount.statistics().bytes());
    out.name("failures").value(mount.statistics().failures());
    out.name("open_objects").value(mount.statistics().openObjects());
    out.endObject();
  }
}
