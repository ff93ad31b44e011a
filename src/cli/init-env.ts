import { CliError, EXIT } from './terminal.ts'

/** The example with these values in the place of theirs; variables that it does not know come at the end. */
export function fillIn(example: string, values: ReadonlyMap<string, string>): string {
  const left = new Map(values)
  const lines = example.split('\n').map((line) => {
    const name = /^#?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1] ?? ''
    const value = left.get(name)
    if (value === undefined) return line
    left.delete(name)
    return `${name}=${quoted(name, value)}`
  })
  return [...lines, ...[...left].map(([name, value]) => `${name}=${quoted(name, value)}`)].join('\n')
}

/** As Node, Docker Compose and systemd read it alike: bare where that is safe, else in single quotes, which expand nothing. */
function quoted(name: string, value: string): string {
  if (/^[\w./:@%+,=-]*$/.test(value)) return value
  if (!/['\\\r\n]/.test(value)) return `'${value}'`
  throw new CliError(
    EXIT.badInput,
    `${name} has a quote, a backslash or a line break: put it into a file, ${name}_FILE`,
  )
}
