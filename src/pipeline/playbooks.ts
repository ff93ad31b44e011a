import type { Playbook } from '../core/playbook.ts'
import { messageOf, PermanentError } from '../errors.ts'
import type { Records } from '../ports.ts'

/** The playbook under this hash, as a job was accepted under it: a loaded one, else from the text that the store keeps. */
export function createPlaybookReader(deps: {
  readonly records: Records
  readonly loaded: () => readonly { readonly playbook: Playbook }[]
  readonly parse: (text: string, file: string) => Playbook
}): (hash: string) => Promise<Playbook> {
  const read = new Map<string, Playbook>()
  return async (hash) => {
    // Remembered also when its file is changed: a store that was flushed has its text no longer.
    for (const { playbook } of deps.loaded()) read.set(playbook.hash, playbook)
    const known = read.get(hash)
    if (known !== undefined) return known
    const stored = (await deps.records.get<{ file: string; text: string }>('playbooks', [hash])).get(hash)?.doc
    if (stored === undefined) {
      throw new PermanentError(
        'the playbook that this alert was accepted under is no longer in the store; replay the alert',
      )
    }
    const playbook = parsed(deps.parse, stored)
    read.set(hash, playbook)
    return playbook
  }
}

/** A newer Portcullis may refuse what an older one took; trying again does not change that. */
function parsed(parse: (text: string, file: string) => Playbook, { text, file }: { text: string; file: string }) {
  try {
    return parse(text, file)
  } catch (error) {
    throw new PermanentError(`the playbook that this alert was accepted under cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
