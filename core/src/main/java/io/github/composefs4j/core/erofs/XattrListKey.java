package io.github.composefs4j.core.erofs;

import io.github.composefs4j.core.tree.XattrSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Input attributes with what else decides the list: the roles of the inode, and its object if it is
 * not unique.
 */
record XattrListKey(XattrSet input, int roles, @Nullable Xattr metacopy, @Nullable Xattr redirect) {
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof XattrListKey that
        && roles == that.roles
        && input.equals(that.input)
        && Objects.equals(metacopy, that.metacopy)
        && Objects.equals(redirect, that.redirect);
  }

  @Override
  public int hashCode() {
    return (31 * input.hashCode() + roles) * 31 + Objects.hashCode(metacopy);
  }
}
