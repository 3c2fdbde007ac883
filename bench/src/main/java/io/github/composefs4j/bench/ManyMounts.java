package io.github.composefs4j.bench;

import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One process that serves several images, until all are unmounted. */
public final class ManyMounts {
  private ManyMounts() {}

  /** Arguments: the directory of the objects; then images, each with its mount point. */
  public static void main(String[] args) throws Exception {
    List<Path> objects = List.of(Path.of(args[0]));
    List<MountedView> views = new ArrayList<>();
    for (int i = 1; i < args.length; i += 2) {
      views.add(
          Mounts.mount(
              ViewOptions.of(Path.of(args[i]), objects)
                  .with(MountMode.VERIFIED, Verification.ALWAYS),
              Path.of(args[i + 1])));
    }
    for (MountedView view : views) {
      view.await();
    }
  }
}
