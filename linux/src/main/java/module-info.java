/** Linux system calls through {@code java.lang.foreign}: the only module that calls native code. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("module") // a friend above is not there when this is compiled
module io.github.composefs4j.linux {
  requires transitive io.github.composefs4j.core;
  requires static transitive org.jspecify;

  exports io.github.composefs4j.linux;
  exports io.github.composefs4j.linux.sys to
      io.github.composefs4j.fuse;

  provides io.github.composefs4j.core.spi.Platform with
      io.github.composefs4j.linux.LinuxPlatform;
}
