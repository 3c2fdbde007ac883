package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.core.testkit.TreeViewContract;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.MountedView;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.ViewOptions;
import io.github.composefs4j.linux.sys.ErrnoException;
import io.github.composefs4j.linux.sys.Sys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;

/** Mounts in every mode pass the suite that the provider and a copy on disk pass. */
@Timeout(900)
class MountedViewTest {
  @Nested
  class ByTheKernel extends Mounted {
    ByTheKernel() {
      super(MountMode.KERNEL);
    }
  }

  @Nested
  class Verified extends Mounted {
    Verified() {
      super(MountMode.VERIFIED);
    }
  }

  /** Where this may switch it on and the kernel has it; over the device elsewhere. */
  @Nested
  class OverUring extends Mounted {
    private static final Path SWITCH = Path.of("/sys/module/fuse/parameters/enable_uring");

    OverUring() {
      super(MountMode.VERIFIED);
    }

    @Override
    protected Path open(TreeSample sample) throws IOException {
      boolean on = turn("Y");
      Path target = super.open(sample);
      assertThat(view().usesUring()).isEqualTo(on);
      return target;
    }

    @Override
    protected void close() throws IOException {
      super.close();
      turn("N");
    }

    private static boolean turn(String how) throws IOException {
      try {
        Files.writeString(SWITCH, how);
      } catch (IOException e) {
        // there is none, or it is not ours
      }
      return Files.exists(SWITCH) && Files.readString(SWITCH).startsWith("Y");
    }
  }

  @Nested
  class Passthrough extends Mounted {
    Passthrough() {
      super(MountMode.PASSTHROUGH);
    }
  }

  @Nested
  class Overlay extends Mounted {
    Overlay() {
      super(MountMode.OVERLAY);
    }
  }

  private abstract static class Mounted extends TreeViewContract {
    private final MountMode mode;
    private MountedView view;

    Mounted(MountMode mode) {
      this.mode = mode;
    }

    @Override
    protected Path open(TreeSample sample) throws IOException {
      Requirements.root();
      Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
      Path target = Files.createDirectory(sample.image().resolveSibling("mnt"));
      view =
          Mounts.mount(
              ViewOptions.of(sample.image(), List.of(sample.objects()))
                  .with(mode, null)
                  .withDigest(sample.digest()),
              target);
      return target;
    }

    MountedView view() {
      return view;
    }

    @Override
    protected void close() throws IOException {
      if (view != null) {
        view.close();
      }
    }

    @Override
    protected Map<String, byte[]> xattrs(Path file) throws IOException {
      byte[] path = RawPath.of(file);
      Sys.Scratch scratch = Sys.scratch();
      long size = Sys.llistxattr(scratch.path(path), scratch.data, scratch.data.byteSize());
      if (size < 0) {
        throw new ErrnoException(file.toString(), (int) -size);
      }
      Map<String, byte[]> all = new TreeMap<>();
      for (String name : FileName.decode(scratch.copyOfData((int) size)).split("\0")) {
        if (!name.isEmpty()) {
          all.put(name, xattr(path, FileName.encode(name)));
        }
      }
      return all;
    }

    private static byte[] xattr(byte[] path, byte[] name) throws IOException {
      Sys.Scratch scratch = Sys.scratch();
      long at = scratch.path(path);
      long size = Sys.lgetxattr(at, scratch.path2(name), scratch.data, scratch.data.byteSize());
      if (size < 0) {
        throw new ErrnoException(FileName.printable(name), (int) -size);
      }
      return scratch.copyOfData((int) size);
    }

    @Override
    protected boolean showsXattr(String name) {
      return true;
    }
  }
}
