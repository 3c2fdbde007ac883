package io.github.composefs4j.cli.repository;

import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.Failures;
import io.github.composefs4j.cli.command.Progress;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verified.VerifiedReader;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** {@code verify}: an image and every object of its files, byte for byte. */
final class Verify extends RepositoryCommand {
  private final ImageOperand operand = new ImageOperand();

  @Override
  Definition own() {
    return operand
        .addTo(
            Definition.command("verify", "check an image and the content of all its files")
                .operand(ImageOperand.NAME, ImageOperand.HELP))
        .failure("something is missing or damaged")
        .describe("Each object that is missing or damaged is told on standard error.");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    String name = operands.getFirst();
    Verifier verifier = new Verifier(VerifyOptions.defaults());
    Set<Digest> seen = new HashSet<>();
    int all = 0;
    int bad = 0;
    long bytes = 0;
    try (ImageOperand.Opened open = operand.open(name, repository);
        Progress progress = new Progress(console)) {
      open.image().check();
      ImageContents contents = new ImageContents(List.of(open.objects()), verifier);
      ImageWalk walk = new ImageWalk(open.image());
      while (walk.next()) {
        ImageInode file = walk.inode();
        if (walk.isRepeated() || !file.isRegular() || !file.isExternal() || file.size() == 0) {
          continue;
        }
        Digest digest = file.attributes().digest();
        if (digest != null && !seen.add(digest)) {
          continue;
        }
        all++;
        try (ObjectReader content = contents.open(file)) {
          ((VerifiedReader) content).check();
          bytes += file.size();
          progress.show("verifying", all, bytes);
        } catch (ComposefsException e) {
          progress.erase();
          console.err().println(Failures.line(e));
          bad++;
        }
      }
      progress.erase();
      open.warn(console);
    }
    if (bad > 0) {
      throw new IOException(name + ": " + bad + " of " + all + " objects are missing or damaged");
    }
    console.println(Failures.oneLine(name) + ": image and " + all + " objects ok");
    return 0;
  }
}
