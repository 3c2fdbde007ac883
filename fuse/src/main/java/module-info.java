/**
 * Mounts of images: a FUSE server in pure Java, and one entry to it and to the kernel's own mounts.
 *
 * <p>{@link io.github.composefs4j.fuse.Mounts} is where to start.
 */
@org.jspecify.annotations.NullMarked
module io.github.composefs4j.fuse {
  requires transitive io.github.composefs4j.core;
  requires transitive io.github.composefs4j.linux;
  requires static jdk.jfr;
  requires static transitive org.jspecify;

  exports io.github.composefs4j.fuse;
}
