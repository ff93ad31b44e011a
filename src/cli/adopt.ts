import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const adopt: Command = {
  name: 'adopt',
  usage: '-d DURATION',
  summary: 'give entries that stand for ever an end',
  help: `
What people put into the rule is theirs, and stands for ever unless ADOPT_FOR
says otherwise. After a lost store our own old bans look like that, too. This
gives every entry without an end one, from now on; then it is taken out.

  portcullis bans --origin edge         which they are
  portcullis adopt -d 30d`,
  options: {
    duration: { type: 'string', short: 'd', value: 'DURATION', help: 'how long they still stand, as in 30d' },
    ...OUTPUT,
  },
  words: 0,
  async run(given, terminal) {
    const duration = given.text('duration')
    if (duration === null) throw wrong(adopt, 'say how long: -d 30d')
    const answer = await createClient(terminal.environment()).post('/api/adopt', { duration })
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}
