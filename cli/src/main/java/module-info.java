/** The commands. */
@org.jspecify.annotations.NullMarked
module io.github.composefs4j.cli {
  requires com.google.gson;
  requires io.github.composefs4j.core;
  requires io.github.composefs4j.fuse;
  requires io.github.composefs4j.linux;
  requires jdk.unsupported;
  requires static org.jspecify;

  provides System.LoggerFinder with
      io.github.composefs4j.cli.QuietLoggers;
}
