package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Entry;
import io.github.composefs4j.cli.manual.Manuals;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes manual pages and completion into the directory that the argument names: for packaging. */
public final class WriteManuals {
  private WriteManuals() {}

  /** Writes them. */
  public static void main(String[] args) throws IOException {
    List<Entry> programs = new ArrayList<>(List.of(Commands.umbrella(), Commands.cfsctl()));
    programs.addAll(Commands.dropIns());
    Manuals.write(Path.of(args[0]), programs, Main.version());
  }
}
