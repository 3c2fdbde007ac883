package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.core.tree.FileName;
import java.io.IOException;
import java.util.List;

/** A table for people. */
final class Table {
  private Table() {}

  static void print(Console console, List<String> header, List<List<String>> content)
      throws IOException {
    List<List<String>> rows = content.stream().map(Table::printable).toList();
    int[] widths = new int[header.size()];
    widen(widths, header);
    rows.forEach(row -> widen(widths, row));
    line(console, widths, "┌─", "─┬─", "─┐", "─");
    row(console, widths, header);
    line(console, widths, "╞═", "═╪═", "═╡", "═");
    for (int i = 0; i < rows.size(); i++) {
      if (i > 0) {
        line(console, widths, "├╌", "╌┼╌", "╌┤", "╌");
      }
      row(console, widths, rows.get(i));
    }
    line(console, widths, "└─", "─┴─", "─┘", "─");
  }

  /** What names hold may be anything. */
  private static List<String> printable(List<String> cells) {
    return cells.stream().map(cell -> FileName.printable(FileName.encode(cell))).toList();
  }

  private static int width(String cell) {
    return cell.codePointCount(0, cell.length());
  }

  private static void widen(int[] widths, List<String> cells) {
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i], width(cells.get(i)));
    }
  }

  private static void line(
      Console console, int[] widths, String left, String between, String right, String fill)
      throws IOException {
    StringBuilder text = new StringBuilder(left);
    for (int i = 0; i < widths.length; i++) {
      text.append(i == 0 ? "" : between).repeat(fill, widths[i]);
    }
    console.println(text.append(right).toString());
  }

  private static void row(Console console, int[] widths, List<String> cells) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      text.append(i == 0 ? "│ " : " ┆ ").append(cells.get(i));
      text.repeat(' ', widths[i] - width(cells.get(i)));
    }
    console.println(text.append(" │").toString());
  }
}
