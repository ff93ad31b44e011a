/**
 * What forges lines, moves a cursor, turns text round or hides in it: control and format characters, and Unicode's own line
 * ends.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/** The text with every such character as `\uXXXX`. In JSON it means the same then, for there they stand in strings alone. */
export function escaped(text: string): string {
  return text.replace(UNPRINTABLE, escapeOf)
}

/** The `\uXXXX` of each UTF-16 unit. */
export function escapeOf(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
  }).join('')
}
