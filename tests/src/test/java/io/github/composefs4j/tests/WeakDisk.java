package io.github.composefs4j.tests;

import io.github.composefs4j.core.testkit.FaultyPlatform;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A model of the weakest disk that a repository may lie on: until it is synced, each name is either
 * as it was or as it is now or anything between, whatever becomes of other names, and a file may be
 * there without its content. A sync of a directory makes its names durable, and nothing else.
 *
 * <p>Real file systems do better, as most keep the order of changes of names; so what holds here
 * holds there, and here each sync can be shown to be needed.
 */
final class WeakDisk extends FaultyPlatform {
  /** What a name stands for, at most one of its parts; nothing at all if all are missing. */
  private record Value(boolean directory, @Nullable Path link, byte @Nullable [] file) {
    static final Value NOTHING = new Value(false, null, null);
  }

  /** What a name has been; the disk has the {@code durable}-th or a later one. */
  private static final class Name {
    final List<Value> values = new ArrayList<>(List.of(Value.NOTHING));
    int durable;

    /** Whether the disk has the content of the file that is there now. */
    boolean content = true;
  }

  private final Path base;
  private final Map<Path, Name> names = new TreeMap<>();
  private final TreeSet<String> sites = new TreeSet<>();
  private final String omitted;
  private final Runnable beforeSync;
  private boolean unfinished;

  /**
   * A disk whose files are below a directory.
   *
   * @param omitted the sync that does nothing, one of {@link #sites}; or an empty string
   * @param beforeSync called before anything more becomes durable
   */
  WeakDisk(Path base, String omitted, Runnable beforeSync) {
    super(new LinuxPlatform());
    this.base = base;
    this.omitted = omitted;
    this.beforeSync = beforeSync;
  }

  /** {@return the places in the program that have synced, as {@code Class.method:line}} */
  List<String> sites() {
    return List.copyOf(sites);
  }

  /** What is done to the disk by something other than this program, and is durable at once. */
  synchronized void outside(Path path) throws IOException {
    changed(path, true);
    Name name = names.get(path);
    name.durable = name.values.size() - 1;
  }

  /** From now on, directories are not synced: as by somebody who is killed before that. */
  synchronized void unfinished(boolean now) {
    unfinished = now;
  }

  @Override
  protected synchronized void changed(Path path, boolean durable) throws IOException {
    for (Path parent = path.getParent(); !parent.equals(base); parent = parent.getParent()) {
      Name name = names.get(parent);
      if (name == null || !name.values.getLast().directory) {
        put(parent, new Value(true, null, null), true); // what nobody was told of
      }
    }
    Value value = Value.NOTHING;
    if (Files.isSymbolicLink(path)) {
      value = new Value(false, Files.readSymbolicLink(path), null);
    } else if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      value = new Value(true, null, null);
    } else if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      value = new Value(false, null, Files.readAllBytes(path));
    }
    put(path, value, durable || value.file == null);
  }

  @Override
  protected synchronized void renamed(Path from, Path to) throws IOException {
    Name old = names.get(from);
    put(to, old.values.getLast(), old.content);
    put(from, Value.NOTHING, true);
  }

  private void put(Path path, Value value, boolean content) {
    Name name = names.computeIfAbsent(path, _ -> new Name());
    name.values.add(value);
    name.content = content;
  }

  @Override
  protected synchronized boolean syncing(@Nullable Path path, boolean all) {
    String site = site();
    sites.add(site);
    if (site.equals(omitted) || (unfinished && path != null && !all)) {
      return false;
    }
    beforeSync.run();
    names.forEach((each, name) -> {
      if (all || each.getParent().equals(path)) {
        name.durable = name.values.size() - 1;
        name.content |= all;
      }
    });
    return true;
  }

  /** The method that decided to sync. */
  private static String site() {
    return StackWalker.getInstance()
        .walk(frames ->
            frames
                .filter(frame -> frame.getClassName().contains(".core.repository."))
                .filter(frame -> !frame.getClassName().endsWith(".Syncs"))
                .findFirst()
                .map(frame -> {
                  String type = frame.getClassName();
                  return type.substring(type.lastIndexOf('.') + 1)
                      + "."
                      + frame.getMethodName().replaceAll("lambda\\$(\\w+)\\$.*", "$1")
                      + ":"
                      + frame.getLineNumber();
                })
                .orElseThrow());
  }

  /** {@return the directories in which something is not durable} Those of objects count as one. */
  synchronized List<String> pending() {
    TreeSet<String> pending = new TreeSet<>();
    names.forEach((path, name) -> {
      if (name.durable < name.values.size() - 1 || !name.content) {
        pending.add(group(path));
      }
    });
    return List.copyOf(pending);
  }

  private String group(Path path) {
    String parent = base.relativize(path.getParent()).toString();
    return parent.matches(".*/objects/..") ? parent.substring(0, parent.length() - 2) : parent;
  }

  /**
   * Writes what a crash leaves.
   *
   * @param written which directories are as they are now; others are as when they were synced last
   * @param contents whether files have their contents though nobody asked for that
   * @param target an empty directory, which takes the place of the base
   */
  synchronized void crash(Predicate<String> written, boolean contents, Path target)
      throws IOException {
    for (Map.Entry<Path, Name> each : names.entrySet()) {
      Name name = each.getValue();
      Path path = target.resolve(base.relativize(each.getKey()));
      if (!Files.isDirectory(path.getParent(), LinkOption.NOFOLLOW_LINKS)) {
        continue;
      }
      boolean now = written.test(group(each.getKey()));
      Value value = now ? name.values.getLast() : name.values.get(name.durable);
      if (value.directory) {
        Files.createDirectory(path);
      } else if (value.link != null) {
        Files.createSymbolicLink(path, value.link);
      } else if (value.file != null) {
        Files.write(path, now && !name.content && !contents ? new byte[0] : value.file);
      }
    }
  }
}
