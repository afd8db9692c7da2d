import Foundation
import VonageClientLibrary

/// How a verification ended, and so what the screen does next.
enum Outcome: Equatable {
    /// The device's SIM has this number. A backend that relies on it checks the receipt, or makes the finishing call itself: see the
    /// guide. Without receipts it is nil.
    case verified(phoneNumber: String, receipt: String?)
    /// The device's SIM has another number. A result, not an error.
    case notVerified
    /// The user corrects what they typed: the number, or the code of a message.
    case askAgain
    /// The message's code is no good any more: offer another message.
    case askForAnother
    /// A new access token did not help: the user signs in.
    case signIn
    /// Offer a code by SMS (`requestCode`); where that ends here too, another factor of your own.
    case useFallback
    /// No connection, or the service is busy; it was tried several times.
    case tryLater
    /// Not possible at present. Show the id, or log it: the service's operators find the reason by it.
    case giveUp(requestID: String?)
}

/// What came of asking for a code by SMS.
enum CodeRequest: Equatable {
    /// A message is on its way: show a field for so many digits. The same request within 30 s sends nothing and gets the same state.
    case sent(state: String, codeLength: Int, expiresInSeconds: Int)
    /// None is.
    case failed(Outcome)
}

/// Verifies that this device's SIM has a phone number. Needs iOS 15.
final class NumberVerification {
    private let serviceURL: URL
    private let accessToken: (_ renew: Bool) async throws -> String

    /// A finish may take 10 s.
    private let timeout: TimeInterval = 15
    private let maxTries = 3
    /// Longer than that nobody looks at a spinner. Seconds.
    private let maxWait: UInt64 = 10
    private let maxRounds = 2

    /// - Parameters:
    ///   - serviceURL: an https origin, such as `https://verify.example.com`
    ///   - accessToken: gives the signed-in user's access token; a new one when `renew` is true
    init(serviceURL: URL, accessToken: @escaping (_ renew: Bool) async throws -> String) {
        self.serviceURL = serviceURL
        self.accessToken = accessToken
    }

    /// - Parameter phoneNumber: E.164, such as `+34600000000`
    /// - Throws: what `accessToken` throws, and `CancellationError`
    func verify(_ phoneNumber: String) async throws -> Outcome {
        for _ in 0..<maxRounds {
            let outcome = try await verifyOnce(phoneNumber)
            if let outcome { return outcome }
        }
        return .useFallback
    }

    /// The first step of the fallback, where the service has messages on.
    /// - Parameter phoneNumber: E.164
    /// - Throws: as `verify`
    func requestCode(_ phoneNumber: String) async throws -> CodeRequest {
        let sent = try await post("v1/sms-verification", ["phone_number": phoneNumber])
        guard sent.status == 200, let state = sent.body["state"] as? String else { return .failed(act(sent) ?? .useFallback) }
        let codeLength = sent.body["code_length"] as? Int ?? 6
        return .sent(state: state, codeLength: codeLength, expiresInSeconds: sent.body["expires_in"] as? Int ?? 300)
    }

    /// The second: the code that the user typed. After `.askAgain` it may be called with the same state.
    /// - Throws: as `verify`
    func finishWithCode(_ code: String, state: String) async throws -> Outcome {
        try await finish(["code": code, "state": state]) ?? .askForAnother
    }

    /// - Returns: nil for `start_again`
    private func verifyOnce(_ phoneNumber: String) async throws -> Outcome? {
        let start = try await post("v1/network-enablement", ["phone_number": phoneNumber])
        guard start.status == 200, let authURL = start.body["auth_url"] as? String else { return act(start) }

        // Absent counts as true: the safe side.
        let overCellular = start.body["requires_carrier_network"] as? Bool ?? true
        let landing = await open(authURL, overCellular: overCellular)
        if landing.body["next_action"] != nil { return act(landing) }
        // Somebody else's word: no cellular connection, a timeout, a page of the carrier, a problem of Vonage.
        guard landing.status == 200, landing.body["code"] != nil else { return .useFallback }

        // The object, unchanged.
        return try await finish(landing.body)
    }

    /// - Returns: nil for `start_again`
    private func finish(_ body: [String: Any]) async throws -> Outcome? {
        let finish = try await post("v1/number-verification", body)
        guard finish.status == 200, let verified = finish.body["phone_number_verified"] as? Bool else { return act(finish) }
        guard verified else { return .notVerified }
        guard let phoneNumber = finish.body["phone_number"] as? String else { return act(finish) }
        return .verified(phoneNumber: phoneNumber, receipt: finish.body["receipt"] as? String)
    }

    /// What the app does after a problem. `retry` and `sign_in` have had their tries before.
    private func act(_ answer: Answer) -> Outcome? {
        switch answer.nextAction {
        case "ask_again": return .askAgain
        case "sign_in": return .signIn
        case "retry": return .tryLater
        case "start_again": return nil
        case "use_fallback": return .useFallback
        // fix_request is a bug of this app; give_up, and whatever is added later, is the end too.
        default: return .giveUp(requestID: answer.body["request_id"] as? String)
        }
    }

    /// Puts nothing of ours on the request: the library sends headers to every hop, and each belongs to somebody else.
    private func open(_ authURL: String, overCellular: Bool) async -> Answer {
        guard overCellular else {
            guard let url = URL(string: authURL) else { return .noAnswer }
            return await send(URLRequest(url: url, timeoutInterval: timeout))
        }
        let parameters = VGCellularRequestParameters(url: authURL, headers: [:], queryParameters: [:], maxRedirectCount: 10)
        let result = try? await VGCellularRequestClient().startCellularGetRequest(params: parameters, debug: false)
        // With `error`, such as sdk_no_data_connectivity, there is neither of the two.
        guard let status = result?["http_status"] as? Int else { return .noAnswer }
        return Answer(status: status, body: result?["response_body"] as? [String: Any] ?? [:])
    }

    /// Repeats while that helps: after `sign_in` once, with a new token; after `retry`, and when no answer came, as it is. A
    /// finish whose answer was lost is repeated with the same body and gets the same result.
    private func post(_ path: String, _ body: [String: Any]) async throws -> Answer {
        var request = URLRequest(url: serviceURL.appendingPathComponent(path), timeoutInterval: timeout)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONSerialization.data(withJSONObject: body)
        request.setValue("Bearer " + (try await accessToken(false)), forHTTPHeaderField: "Authorization")

        var renewed = false
        var tries = 0
        while true {
            let answer = await send(request)
            tries += 1
            if answer.nextAction == "sign_in", !renewed {
                request.setValue("Bearer " + (try await accessToken(true)), forHTTPHeaderField: "Authorization")
                renewed = true
            } else if answer.nextAction == "retry", tries < maxTries, answer.retryAfter <= maxWait {
                try await Task.sleep(nanoseconds: answer.retryAfter * 1_000_000_000)
            } else {
                return answer
            }
        }
    }

    private func send(_ request: URLRequest) async -> Answer {
        guard let (data, response) = try? await URLSession.shared.data(for: request),
            let http = response as? HTTPURLResponse
        else { return .noAnswer }
        let body = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        let retryAfter = http.value(forHTTPHeaderField: "Retry-After").flatMap { UInt64($0) }
        return Answer(status: http.statusCode, body: body ?? [:], retryAfter: retryAfter ?? 1)
    }

    private struct Answer {
        let status: Int
        let body: [String: Any]
        var retryAfter: UInt64 = 1

        static var noAnswer: Answer { Answer(status: 0, body: [:]) }

        /// Without a problem of ours: `retry` when no answer came or something before the service failed.
        var nextAction: String {
            body["next_action"] as? String ?? (status == 0 || status > 500 ? "retry" : "give_up")
        }
    }
}
