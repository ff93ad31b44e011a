import { open, readFile } from 'node:fs/promises'
import { messageOf } from '../errors.ts'
import type { Imported } from '../ops/transfer.ts'
import { createClient } from './client.ts'
import type { Given } from './command.ts'
import { CliError, EXIT, plain, type Terminal } from './terminal.ts'

/** Writes the file, readable by its owner alone and never over another; `-` or nothing: to the output. */
export async function exportBans(file: string | undefined, terminal: Terminal): Promise<number> {
  const answer = await createClient(terminal.environment()).get('/api/export')
  const text = JSON.stringify(answer, null, 2)
  if (file === undefined || file === '-') {
    terminal.say(text)
    return EXIT.ok
  }
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(`${text}\n`).finally(() => handle.close())
  } catch (error) {
    throw new CliError(EXIT.failed, `${file} cannot be written: ${messageOf(error)}`)
  }
  const { bans, offences, allowlist } = answer as Record<'bans' | 'offences' | 'allowlist', readonly unknown[]>
  terminal.say(
    `${plain(file)}: ${bans.length} bans, ${offences.length} offences, ${allowlist.length} entries of the allowlist.`,
  )
  return EXIT.ok
}

/** Exit code 1: some bans of the file were refused, each named. */
export async function importBans(file: string, given: Given, terminal: Terminal): Promise<number> {
  const json = parse(await readText(file, terminal), file)
  const answer = await createClient(terminal.environment()).post('/api/import', json)
  const { refused } = answer as unknown as Imported
  terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
  if (!given.json)
    for (const { address, refusal, detail } of refused)
      terminal.complain(plain(`${address} was refused: ${refusal} (${detail})`))
  return refused.length === 0 ? EXIT.ok : EXIT.failed
}

/** The text of a file, or of what is piped in for `-`. */
export async function readText(file: string, terminal: Terminal): Promise<string> {
  if (file === '-') return (await terminal.read?.()) ?? ''
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CliError(EXIT.badInput, `${file} cannot be read: ${messageOf(error)}`)
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(EXIT.badInput, `${file} is no JSON: ${messageOf(error)}`)
  }
}
