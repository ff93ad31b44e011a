import { readFileSync } from 'node:fs'
import { ConfigError } from '../config.ts'
import { messageOf } from '../errors.ts'
import { adopt } from './adopt.ts'
import { allow, allowed, disallow } from './allow.ts'
import { ban } from './ban.ts'
import { bans } from './bans.ts'
import { check } from './check.ts'
import { type Command, helpOf, readArguments } from './command.ts'
import { createCompletion } from './completion.ts'
import { history } from './history.ts'
import { init } from './init.ts'
import { pause } from './pause.ts'
import { playbooks } from './playbooks.ts'
import { replay } from './replay.ts'
import { resume } from './resume.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { CliError, EXIT, guarded, plain, type Terminal } from './terminal.ts'
import { unban } from './unban.ts'
import { why } from './why.ts'

const COMMANDS: readonly Command[] = [
  ...[start, init, check, status],
  ...[bans, why, ban, unban, allow, allowed, disallow, adopt],
  ...[pause, resume, replay, history, playbooks],
  createCompletion(() => COMMANDS),
]

/** Runs one command line; answers its exit code: 0 done, 1 failed, 2 bad input, 3 not found. Never throws. */
export async function runCli(args: readonly string[], given: Terminal): Promise<number> {
  const terminal = guarded(given)
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const [about] = rest
    const asked = COMMANDS.find((command) => command.name === about)
    if (about !== undefined && asked === undefined) return noCommand(about, terminal)
    terminal.say(asked === undefined ? overview() : helpOf(asked))
    return name === undefined ? EXIT.badInput : EXIT.ok
  }
  if (name === '--version' || name === '-V') {
    terminal.say(`portcullis ${version()}`)
    return EXIT.ok
  }
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) return noCommand(name, terminal)
  try {
    const read = readArguments(command, rest)
    if (read !== null) return await command.run(read, terminal)
    terminal.say(helpOf(command))
    return EXIT.ok
  } catch (error) {
    terminal.complain(lines(messageOf(error)))
    return error instanceof CliError ? error.code : error instanceof ConfigError ? EXIT.badInput : EXIT.failed
  }
}

function noCommand(name: string, terminal: Terminal): number {
  terminal.complain(`portcullis has no command ${plain(name)}.\n\n${overview()}`)
  return EXIT.badInput
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

function overview(): string {
  return [
    'portcullis COMMAND [options]',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}  ${summary}`),
    '',
    'portcullis COMMAND --help explains a command. Most of them ask the running service:',
    'at PORTCULLIS_URL, else here at OPS_PORT, with OPS_TOKEN from the environment or .env.',
    'Exit codes: 0 done, 1 failed, 2 bad input, 3 not found.',
  ].join('\n')
}

function lines(text: string): string {
  return text.split('\n').map(plain).join('\n')
}
