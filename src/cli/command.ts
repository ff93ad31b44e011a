import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util'
import { CliError, EXIT, type Terminal } from './terminal.ts'

/** An option as `parseArgs` knows it, and what the help says of it. */
export interface Option extends ParseArgsOptionDescriptor {
  /** '': the help leaves it out. */
  readonly help: string
  /** What stands for the value in the help, as in `--limit N`. */
  readonly value?: string
}

export interface Given {
  readonly words: readonly string[]
  text(name: string): string | null
  /** Those of these options that were given. */
  texts(names: readonly string[]): Readonly<Record<string, string>>
  flag(name: string): boolean
  /** `-o json` was given. */
  readonly json: boolean
}

export interface Command {
  readonly name: string
  /** What follows the name, as in `[EDGE]`. */
  readonly usage: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** Paragraphs that teach, each line at most 80 characters. */
  readonly help: string
  readonly options: Readonly<Record<string, Option>>
  /** At most so many words. */
  readonly words: number
  /** Answers the exit code. */
  run(given: Given, terminal: Terminal): Promise<number>
}

export const OUTPUT: Readonly<Record<string, Option>> = {
  output: { type: 'string', short: 'o', value: 'FORMAT', help: '`json` for scripts; a readable page otherwise' },
}
const HELP: Option = { type: 'boolean', short: 'h', help: 'this page' }

/** Reads the arguments of a command; null: it was asked for help. A CliError names what is wrong. */
export function readArguments(command: Command, args: readonly string[]): Given | null {
  const { values, positionals } = parse(command, args)
  if (values.help === true) return null
  const format = values.output
  if (format !== undefined && format !== 'json' && format !== 'text') throw wrong(command, '-o must be json or text')
  if (positionals.length > command.words) throw wrong(command, `too many arguments: ${positionals.join(' ')}`)
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : null)
  return {
    words: positionals,
    text,
    texts: (names) =>
      Object.fromEntries(names.flatMap((name) => (text(name) === null ? [] : [[name, text(name) ?? '']]))),
    flag: (name) => values[name] === true,
    json: format === 'json',
  }
}

/** Those of the options that were given, as the query of a URL. */
export function queryOf(given: Given, names: readonly string[]): URLSearchParams {
  return new URLSearchParams(given.texts(names))
}

export function helpOf(command: Command): string {
  const shown = Object.entries({ ...command.options, help: HELP }).filter(([, { help }]) => help !== '')
  const options = shown.map(([name, { short, value, help }]) => [
    `  ${short === undefined ? '   ' : `-${short},`} --${name}${value === undefined ? '' : ` ${value}`}`,
    help,
  ])
  const width = Math.max(...options.map(([left = '']) => left.length))
  return [
    `portcullis ${command.name} ${command.usage}`.trimEnd(),
    '',
    command.help.trim(),
    '',
    ...options.map(([left = '', help]) => `${left.padEnd(width)}  ${help}`),
  ].join('\n')
}

export function wrong(command: Pick<Command, 'name'>, message: string): CliError {
  return new CliError(EXIT.badInput, `${message}\nSee: portcullis ${command.name} --help`)
}

function parse(command: Command, args: readonly string[]): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: { ...command.options, help: HELP }, allowPositionals: true })
  } catch (error) {
    throw wrong(command, (error as Error).message.split('. To specify', 1)[0] ?? '')
  }
}
