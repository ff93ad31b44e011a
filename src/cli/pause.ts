import { createClient } from './client.ts'
import { type Command, OUTPUT } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const pause: Command = {
  name: 'pause',
  usage: '[-d DURATION] [-R REASON]',
  summary: 'no new bans by alerts, until you resume',
  help: `
Alerts are taken and wait; bans still end, and unbans still reach the edges. A
ban by hand still works. Shown by status, /readyz and the metrics; a restart
does not end it, \`portcullis resume\` does, or the end of its duration.

  portcullis pause -d 1h -R "deploying the new login"`,
  options: {
    duration: { type: 'string', short: 'd', value: 'DURATION', help: '30m, 1h, …; without it: until you resume' },
    reason: { type: 'string', short: 'R', value: 'REASON', help: 'why, for those who wonder' },
    ...OUTPUT,
  },
  words: 0,
  async run(given, terminal) {
    const order = given.texts(['duration', 'reason'])
    const answer = await createClient(terminal.environment()).post('/api/pause', order)
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    return EXIT.ok
  },
}
