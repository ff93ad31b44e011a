import { type Command, wrong } from './command.ts'

/** `bin/portcullis` starts the service itself; whatever else follows `start` is answered here. */
export const start: Command = {
  name: 'start',
  usage: '',
  summary: 'run the service in this terminal',
  help: `
Runs the service here until Ctrl-C, with the settings of the environment and
.env. It says what is wrong with them before it does anything, and finishes what
it has begun, within 8 seconds, when it is stopped.

It takes no options: every setting is a variable, explained in .env.example.
\`portcullis init\` writes them, \`portcullis check\` tries them. For a service
that starts with the machine: docker-compose.yml, deploy/portcullis.service.`,
  options: {},
  words: 0,
  async run() {
    throw wrong(start, 'the service is started by bin/portcullis start, or by node src/main.ts')
  },
}
