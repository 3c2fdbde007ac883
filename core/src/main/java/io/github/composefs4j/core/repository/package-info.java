/**
 * Repositories, shared with other implementations (repository.md).
 *
 * <pre>
 *   meta.json                         algorithm, image formats, features; with fs-verity: secure
 *   objects/XX/REST                   content by fs-verity digest
 *   images/DIGEST -> ../objects/…     an entry: this object is an image
 *   images/refs/NAME -> ../DIGEST     a ref: a root of collection
 *   streams/ID -> ../objects/…        an entry: this object is a splitstream
 *   streams/refs/NAME -> ../ID
 *   quarantine/                       what repair has put aside; ours, others do not look there
 * </pre>
 *
 * <p>{@link io.github.composefs4j.core.repository.Repository} is the face; changes are {@link
 * io.github.composefs4j.core.repository.Transaction}s.
 */
package io.github.composefs4j.core.repository;
