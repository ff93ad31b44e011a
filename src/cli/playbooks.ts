import { configForCheck } from '../config.ts'
import { sayFindings } from './check.ts'
import { type Command, OUTPUT, wrong } from './command.ts'

export const playbooks: Command = {
  name: 'playbooks',
  usage: 'check [DIR]',
  summary: 'check playbooks: mistakes with line and column, order, reach',
  help: `
Reads every *.yaml of DIR (else PLAYBOOKS_DIR) as the start does: mistakes with
file, line and column, the order in which they are asked, and those that no
alert can reach. Needs no running service; exit code 1 when a file is broken.`,
  options: OUTPUT,
  words: 2,
  async run(given, terminal) {
    const [action, dir] = given.words
    if (action !== 'check') throw wrong(playbooks, 'say what to do: portcullis playbooks check [DIR]')
    const { config } = configForCheck(terminal.environment())
    const { checkPlaybooks } = await import('../check.ts')
    return sayFindings(checkPlaybooks({ ...config, playbooksDir: dir ?? config.playbooksDir }), given, terminal)
  },
}
