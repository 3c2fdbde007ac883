package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.scan.ScanIndex;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.transform.FileContents;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.List;

/** {@code create-image}: a directory becomes objects and an image. */
final class CreateImage extends RepositoryCommand {
  private final TreeOptions trees = new TreeOptions();
  private final ScanCache cache = new ScanCache();

  @Override
  Definition own() {
    return cache
        .addTo(
            trees.addTo(
                Definition.command(
                    "create-image", "store a directory as an image, print its digest"),
                false))
        .optional("REF", "a name for the image");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String ref = operands.size() < 2 ? null : operands.get(1);
    Digest digest;
    try (Repository open = repository.open();
        Transaction transaction = open.begin();
        Progress progress = new Progress(console)) {
      if (ref != null) {
        transaction.checkRef(Category.IMAGES, ref);
      }
      ScanIndex index = cache.load(open.algorithm());
      FileTree tree =
          transaction.scan(
              Arguments.path(operands.getFirst()),
              true,
              ScanOptions.defaults(),
              index,
              (entries, bytes) -> progress.show("storing files", entries, bytes));
      tree = trees.apply(tree, FileContents.of(open.objects()));
      digest = transaction.putImage(tree, ref).getFirst().digest();
      transaction.commit();
      ScanCache.save(index);
      RepositoryOptions.warn(open, console);
    }
    console.println(prefixed(digest));
    return 0;
  }

  /** {@return a digest with its algorithm, as the commands that make or list objects print it} */
  static String prefixed(Digest digest) {
    return digest.algorithm().label() + ":" + digest.hex();
  }
}
