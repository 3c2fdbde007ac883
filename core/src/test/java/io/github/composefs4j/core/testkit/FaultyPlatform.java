package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.spi.HostDirectory;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A platform on which things happen at chosen moments, and which counts what is left open. */
public class FaultyPlatform implements Platform {
  private final Platform real;
  private final AtomicInteger open = new AtomicInteger();

  /** A platform that does what {@code real} does until a method here is overridden. */
  public FaultyPlatform(Platform real) {
    this.real = real;
  }

  /** Called before bytes of a scanned file are read. */
  protected void reading(long position) throws IOException {}

  /** Called before a file of a scan is opened. */
  protected void opening() throws IOException {}

  /** Called before a directory is listed. */
  protected void listing() throws IOException {}

  /** Passes further extended attributes of a scanned file. */
  protected void xattrs(HostDirectory.XattrSink sink) throws IOException {}

  /** Called before bytes are written to a temporary file. */
  protected void writing() throws IOException {}

  /**
   * Called instead of a copy inside the kernel.
   *
   * @return what {@link StoreDirectory.TemporaryFile#copyRangeFrom} does
   */
  protected boolean copyRange(StoreDirectory.TemporaryFile temporary, HostFile source, long length)
      throws IOException {
    return false;
  }

  /** Called before names of a store appear, vanish or are made durable. */
  protected void changing(String operation, byte[] path) throws IOException {}

  /**
   * Called after something at a path of a store has changed.
   *
   * @param durable whether it is a file whose content was made durable before it had a name
   */
  protected void changed(Path path, boolean durable) throws IOException {}

  /** Called after something in a store was renamed. */
  protected void renamed(Path from, Path to) throws IOException {}

  /**
   * Called before something is made durable.
   *
   * @param path the directory whose entries it is, or null for a file without a name
   * @param all whether it is all of the file system
   * @return whether it is to be
   */
  protected boolean syncing(@Nullable Path path, boolean all) throws IOException {
    return true;
  }

  /**
   * Called instead of sharing blocks.
   *
   * @return what {@link StoreDirectory.TemporaryFile#cloneFrom} does
   */
  protected boolean clone(StoreDirectory.TemporaryFile temporary, HostFile source)
      throws IOException {
    return false;
  }

  /** {@return how many handles have not been closed} */
  public int open() {
    return open.get();
  }

  @Override
  public String name() {
    return "faulty";
  }

  @Override
  public List<String> limitations() {
    return real.limitations();
  }

  @Override
  public boolean isAvailable() {
    return true;
  }

  @Override
  public HostDirectory openDirectory(Path path, boolean followed) throws IOException {
    return new FaultyDirectory(real.openDirectory(path, followed));
  }

  @Override
  public StoreDirectory openStore(Path path) throws IOException {
    return new FaultyStore(real.openStore(path), path);
  }

  @Override
  public StoreDirectory openExistingStore(Path path) throws IOException {
    return new FaultyStore(real.openExistingStore(path), path);
  }

  private final class FaultyDirectory implements HostDirectory {
    private final HostDirectory directory;
    private boolean closed;

    FaultyDirectory(HostDirectory directory) {
      this.directory = directory;
      open.incrementAndGet();
    }

    @Override
    public HostStat stat() throws IOException {
      return directory.stat();
    }

    @Override
    public HostStat stat(byte[] name) throws IOException {
      return directory.stat(name);
    }

    @Override
    public List<Entry> list() throws IOException {
      listing();
      return directory.list();
    }

    @Override
    public HostDirectory openDirectory(byte[] name) throws IOException {
      return new FaultyDirectory(directory.openDirectory(name));
    }

    @Override
    public HostDirectory openParent() throws IOException {
      return new FaultyDirectory(directory.openParent());
    }

    @Override
    public HostFile openFile(byte[] name) throws IOException {
      opening();
      return new FaultyFile(directory.openFile(name));
    }

    @Override
    public byte[] readLink(byte[] name) throws IOException {
      return directory.readLink(name);
    }

    @Override
    public void xattrs(byte[] name, XattrSink sink) throws IOException {
      directory.xattrs(name, sink);
    }

    @Override
    public void xattrs(XattrSink sink) throws IOException {
      directory.xattrs(sink);
    }

    @Override
    public void close() throws IOException {
      if (!closed) {
        closed = true;
        open.decrementAndGet();
      }
      directory.close();
    }
  }

  private final class FaultyFile implements HostFile {
    private final HostFile file;

    FaultyFile(HostFile file) {
      this.file = file;
      open.incrementAndGet();
    }

    @Override
    public HostStat stat() throws IOException {
      return file.stat();
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      reading(position);
      return file.read(position, into, offset, length);
    }

    @Override
    public void xattrs(HostDirectory.XattrSink sink) throws IOException {
      file.xattrs(sink);
      FaultyPlatform.this.xattrs(sink);
    }

    @Override
    public void close() throws IOException {
      open.decrementAndGet();
      file.close();
    }
  }

  private static HostFile unwrap(HostFile file) {
    return file instanceof FaultyFile faulty ? faulty.file : file;
  }

  private static Path below(Path directory, byte[] path) {
    return directory.resolve(FileName.decode(path)).normalize();
  }

  private boolean changed(boolean done, Path directory, byte[] path) throws IOException {
    if (done) {
      changed(below(directory, path), false);
    }
    return done;
  }

  private final class FaultyStore implements StoreDirectory {
    private final StoreDirectory store;
    private final Path directory;

    FaultyStore(StoreDirectory store, Path directory) {
      this.store = store;
      this.directory = directory;
      open.incrementAndGet();
    }

    @Override
    public long fileSize(byte[] path) throws IOException {
      return store.fileSize(path);
    }

    @Override
    public HostFile open(byte[] path) throws IOException {
      return new FaultyFile(store.open(path));
    }

    @Override
    public TemporaryFile create() throws IOException {
      return new FaultyTemporary(store.create(), directory);
    }

    @Override
    public void sync() throws IOException {
      changing("syncfs", StoreDirectory.self());
      if (syncing(directory, true)) {
        store.sync();
      }
    }

    @Override
    public @Nullable HostStat stat(byte[] path) throws IOException {
      return store.stat(path);
    }

    @Override
    public boolean list(byte[] path, EntrySink sink) throws IOException {
      return store.list(path, sink);
    }

    @Override
    public byte @Nullable [] readLink(byte[] path) throws IOException {
      return store.readLink(path);
    }

    @Override
    public boolean makeLink(byte[] path, byte[] target) throws IOException {
      changing("symlink", path);
      return changed(store.makeLink(path, target), directory, path);
    }

    @Override
    public void rename(byte[] from, byte[] to) throws IOException {
      changing("rename", to);
      store.rename(from, to);
      renamed(below(directory, from), below(directory, to));
    }

    @Override
    public boolean remove(byte[] path) throws IOException {
      changing("unlink", path);
      return changed(store.remove(path), directory, path);
    }

    @Override
    public boolean removeDirectory(byte[] path) throws IOException {
      changing("rmdir", path);
      return changed(store.removeDirectory(path), directory, path);
    }

    @Override
    public boolean makeDirectory(byte[] path) throws IOException {
      changing("mkdir", path);
      return changed(store.makeDirectory(path), directory, path);
    }

    @Override
    public void syncDirectory(byte[] path) throws IOException {
      changing("fsync", path);
      if (syncing(below(directory, path), false)) {
        store.syncDirectory(path);
      }
    }

    @Override
    public boolean isWritable() throws IOException {
      return store.isWritable();
    }

    @Override
    public Optional<Digest> protect(HostFile file, HashAlgorithm algorithm) throws IOException {
      return store.protect(unwrap(file), algorithm);
    }

    @Override
    public boolean hardLink(HostFile file, byte[] path) throws IOException {
      return store.hardLink(unwrap(file), path);
    }

    @Override
    public @Nullable Lock lock(byte[] path) throws IOException {
      return store.lock(path);
    }

    @Override
    public void close() throws IOException {
      open.decrementAndGet();
      store.close();
    }
  }

  private final class FaultyTemporary implements StoreDirectory.TemporaryFile {
    private final StoreDirectory.TemporaryFile temporary;
    private final Path directory;
    private boolean durable;

    FaultyTemporary(StoreDirectory.TemporaryFile temporary, Path directory) {
      this.temporary = temporary;
      this.directory = directory;
      open.incrementAndGet();
    }

    @Override
    public boolean cloneFrom(HostFile source) throws IOException {
      return FaultyPlatform.this.clone(temporary, source);
    }

    @Override
    public boolean copyRangeFrom(HostFile source, long length) throws IOException {
      return copyRange(temporary, source, length);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      writing();
      durable = false;
      temporary.write(bytes, offset, length);
    }

    @Override
    public int read(long position, byte[] into, int offset, int length) throws IOException {
      return temporary.read(position, into, offset, length);
    }

    @Override
    public Optional<Digest> seal(HashAlgorithm verity, boolean required) throws IOException {
      return temporary.seal(verity, required);
    }

    @Override
    public void sync() throws IOException {
      changing("fsync", StoreDirectory.self());
      durable = syncing(null, false);
      if (durable) {
        temporary.sync();
      }
    }

    @Override
    public boolean publish(byte[] path, boolean replace) throws IOException {
      changing("publish", path);
      boolean published = temporary.publish(path, replace);
      if (published) {
        changed(below(directory, path), durable);
      }
      return published;
    }

    @Override
    public void close() throws IOException {
      open.decrementAndGet();
      temporary.close();
    }
  }
}
