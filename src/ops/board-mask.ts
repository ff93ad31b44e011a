import type { ControllerHandlerReturnType } from '@bull-board/api/typings/app'
import type { JobData } from '../ports.ts'

/** What the board shows of a job: no evidence, and of finished steps their names. */
export function maskedData(data: unknown): Record<string, unknown> {
  const { alert, playbook, checkpoints, ...rest } = Object(data) as Partial<JobData>
  const { wantsBlock, acceptedAt, reopenedAt, replay, waiting } = rest
  return {
    alert: alert && {
      id: alert.id,
      rule: alert.rule?.name,
      space: alert.space,
      severity: alert.severity,
      time: alert.time,
      suspects: alert.suspects,
    },
    playbook: playbook?.name,
    wantsBlock,
    acceptedAt,
    waiting,
    reopenedAt,
    replay,
    finishedSteps: Object.keys(checkpoints ?? {}),
  }
}

/** Jobs are listed by what they are about: all of them are called `alert`. */
export function maskedName(job: unknown): string {
  const { data, name } = Object(job) as { data?: Partial<JobData>; name?: unknown }
  const rule = data?.alert?.rule?.name
  const suspects = data?.alert?.suspects?.slice(0, 3).join(', ')
  return rule === undefined ? String(name ?? 'alert') : `${rule}${suspects ? `: ${suspects}` : ''}`
}

const MAX_REASON = 500

/** The board's answers without stack traces, which no formatter of the board reaches. */
export function maskedAnswer(result: ControllerHandlerReturnType): ControllerHandlerReturnType {
  const { body } = result
  if (typeof body !== 'object') return result
  const { job, queues } = body as { job?: object; queues?: readonly { readonly jobs?: readonly object[] }[] }
  return {
    ...result,
    body: {
      ...body,
      ...(job === undefined ? {} : { job: withoutTrace(job) }),
      ...(queues === undefined
        ? {}
        : { queues: queues.map((queue) => ({ ...queue, jobs: queue.jobs?.map(withoutTrace) })) }),
    },
  }
}

function withoutTrace(job: object): object {
  const { failedReason } = job as { failedReason?: unknown }
  const reason = typeof failedReason === 'string' ? { failedReason: failedReason.slice(0, MAX_REASON) } : {}
  return { ...job, ...reason, stacktrace: [] }
}
