/**
 * composefs in pure Java: file trees, dump files, EROFS images, fs-verity digests, object stores.
 *
 * <p>Needs nothing but {@code java.base} and Gson, on any operating system, and calls no native
 * code. What only a kernel can do (extended attributes of every namespace, reflinks, fs-verity,
 * mounts) comes from {@code io.github.composefs4j.linux} through {@link
 * io.github.composefs4j.core.spi.Platform}.
 */
@org.jspecify.annotations.NullMarked
module io.github.composefs4j.core {
  requires com.google.gson;
  requires static jdk.jfr;
  requires static transitive org.jspecify;

  exports io.github.composefs4j.core.dump;
  exports io.github.composefs4j.core.erofs;
  exports io.github.composefs4j.core.errors;
  exports io.github.composefs4j.core.nio;
  exports io.github.composefs4j.core.export;
  exports io.github.composefs4j.core.objects;
  exports io.github.composefs4j.core.repository;
  exports io.github.composefs4j.core.scan;
  exports io.github.composefs4j.core.sources;
  exports io.github.composefs4j.core.spi;
  exports io.github.composefs4j.core.stream;
  exports io.github.composefs4j.core.transform;
  exports io.github.composefs4j.core.tree;
  exports io.github.composefs4j.core.verified;
  exports io.github.composefs4j.core.verity;

  provides java.nio.file.spi.FileSystemProvider with
      io.github.composefs4j.core.nio.ComposefsFileSystemProvider;

  uses io.github.composefs4j.core.spi.Platform;
  uses io.github.composefs4j.core.spi.StreamCodec;
}
