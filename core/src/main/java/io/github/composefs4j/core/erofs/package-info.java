/** EROFS images as composefs writes and reads them. */
package io.github.composefs4j.core.erofs;
