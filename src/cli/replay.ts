import { createClient } from './client.ts'
import { type Command, OUTPUT, wrong } from './command.ts'
import { EXIT, plain } from './terminal.ts'

export const replay: Command = {
  name: 'replay',
  usage: 'ALERT… | --failed | --refused WORD',
  summary: 'answer alerts again, by their ids or by what became of them',
  help: `
Runs the playbook of each alert again, with a fresh clock: it is not refused as
too old. A finished job runs all its steps, a failed one its unfinished ones.
The id is the alert's \`_id\` (kibana.alert.uuid); /queues shows it, too. Jobs
are kept for 7 days; exit code 3 when an alert has none any more, 1 when one is
at work already, and still was after five seconds: it goes on as it began.

  portcullis replay 2f1c…e0 9ab4…77
  portcullis replay --failed                  all that gave up
  portcullis replay --refused quota-spent     when no rule was to blame`,
  options: {
    failed: { type: 'boolean', help: 'every job of the failed set' },
    refused: { type: 'string', value: 'WORD', help: 'alerts that ended with this refusal, or outcome' },
    ...OUTPUT,
  },
  words: 1000,
  async run(given, terminal) {
    const { words: alerts } = given
    const failed = given.flag('failed')
    const refused = given.text('refused')
    const ways = [alerts.length > 0, failed, refused !== null].filter((way) => way).length
    if (ways === 0) throw wrong(replay, 'the id of an alert is missing, or --failed, or --refused WORD')
    if (ways > 1) throw wrong(replay, 'ids, --failed and --refused cannot be mixed')
    const order = failed ? { failed } : refused !== null ? { refused } : { alerts }
    const answer = await createClient(terminal.environment()).post('/api/replay', order)
    const [unknown, busy] = [idsIn(answer.unknown), idsIn(answer.busy)]
    terminal.say(given.json ? JSON.stringify(answer, null, 2) : plain(answer.message ?? 'Done.'))
    if (!given.json) for (const id of busy) terminal.complain(`Alert ${plain(id)} is at work already.`)
    if (!given.json) for (const id of unknown) terminal.complain(`No job for alert ${plain(id)}.`)
    return unknown.length > 0 ? EXIT.notFound : busy.length > 0 ? EXIT.failed : EXIT.ok
  },
}

function idsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}
