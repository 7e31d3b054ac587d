// Answers without custody, where the operator wants them.
//
// While the disk fails and the platform is away, nobody can take a frame: it waits in memory, its answer at
// the gate, until either is back. So the device keeps it and sends it again, and when memory is full nothing
// more is read. Of the protocols known here every one whose devices wait for an answer has them repeat
// what is not answered; silence costs nothing there, and is the rule. Devices that give up instead may be
// answered: from memory, which a restart loses. How much that may be is bounded by the spool's batch and the gate.
// Source: design document, section 6.

import Detect
import Queue

extension Engine where D: ~Copyable {
  /// Lets answers go whose frames only memory has; called when another commit has failed.
  mutating func answerAtRisk(_ now: Instant) {
    guard spool.failedCommitCount >= SpoolLimits.failedCommitsMax else { return }
    var ticket = gate.oldestTicket
    for _ in 0..<gate.count {
      if let (slot, generation) = gate.session(at: ticket), isAtRisk(slot, generation),
        let entry = gate.release(ticket)
      {
        if !isAnsweringAtRisk { emit(.log(.answeredAtRisk)) }
        isAnsweringAtRisk = true
        ledger.atRiskFrameCount += 1
        answer(entry, now)
      }
      ticket = gate.ticket(after: ticket)
    }
  }

  /// Whether the device behind a session is to be answered, and the platform away for it.
  private func isAtRisk(_ slot: SessionSlot, _ generation: UInt32) -> Bool {
    let session = sessions[slot.rawValue]
    guard session.generation == generation, session.phase == .open, let device = session.device
    else { return false }
    let upstream = upstreams[device.rawValue]
    return upstream.phase != .live && configuration.policies.answersAtRisk(upstream.protocolID)
  }
}
