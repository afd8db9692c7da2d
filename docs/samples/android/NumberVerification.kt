package com.example.numberverification

import com.vonage.clientlibrary.VGCellularRequestClient
import com.vonage.clientlibrary.VGCellularRequestParameters
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import org.json.JSONException
import org.json.JSONObject

/** How a verification ended, and so what the screen does next. */
sealed class Outcome {
    /**
     * The device's SIM has this number. A backend that relies on it checks the receipt, or makes the finishing call itself: see the
     * guide. Without receipts it is null.
     */
    data class Verified(val phoneNumber: String, val receipt: String?) : Outcome()

    /** The device's SIM has another number. A result, not an error. */
    object NotVerified : Outcome()

    /** The user corrects what they typed: the number, or the code of a message. */
    object AskAgain : Outcome()

    /** The message's code is no good any more: offer another message. */
    object AskForAnother : Outcome()

    /** A new access token did not help: the user signs in. */
    object SignIn : Outcome()

    /** Offer a code by SMS (`requestCode`); where that ends here too, another factor of your own. */
    object UseFallback : Outcome()

    /** No connection, or the service is busy; it was tried several times. */
    object TryLater : Outcome()

    /** Not possible at present. Show the id, or log it: the service's operators find the reason by it. */
    data class GiveUp(val requestId: String) : Outcome()
}

/** What came of asking for a code by SMS. */
sealed class CodeRequest {
    /** A message is on its way: show a field for so many digits. The same request within 30 s sends nothing and gets the same state. */
    data class Sent(val state: String, val codeLength: Int, val expiresInSeconds: Int) : CodeRequest()

    /** None is. */
    data class Failed(val outcome: Outcome) : CodeRequest()
}

/**
 * Verifies that this device's SIM has a phone number. Before the first use, once in `Application.onCreate`:
 * `VGCellularRequestClient.initializeSdk(this)`.
 *
 * @param serviceUrl an https origin, such as `https://verify.example.com`
 * @param accessToken gives the signed-in user's access token; a new one when `renew` is true
 */
class NumberVerification(
    private val serviceUrl: String,
    private val accessToken: (renew: Boolean) -> String
) {
    /** Blocks, for seconds as a rule: call it off the main thread. @param phoneNumber E.164, such as `+34600000000` */
    fun verify(phoneNumber: String): Outcome {
        repeat(MAX_ROUNDS) {
            val outcome = verifyOnce(phoneNumber)
            if (outcome != null) return outcome
        }
        return Outcome.UseFallback
    }

    /** The first step of the fallback, where the service has messages on. Blocks. @param phoneNumber E.164 */
    fun requestCode(phoneNumber: String): CodeRequest {
        val sent = post("/v1/sms-verification", JSONObject().put("phone_number", phoneNumber))
        if (sent.status != 200) return CodeRequest.Failed(act(sent) ?: Outcome.UseFallback)
        val (state, codeLength) = sent.body.optString("state") to sent.body.optInt("code_length")
        return CodeRequest.Sent(state, codeLength, sent.body.optInt("expires_in"))
    }

    /** The second: the code that the user typed. After `AskAgain` it may be called with the same state. Blocks. */
    fun finishWithCode(code: String, state: String): Outcome =
        finish(JSONObject().put("code", code).put("state", state)) ?: Outcome.AskForAnother

    /** @return null for `start_again` */
    private fun verifyOnce(phoneNumber: String): Outcome? {
        val start = post("/v1/network-enablement", JSONObject().put("phone_number", phoneNumber))
        if (start.status != 200) return act(start)

        // Absent counts as true: the safe side.
        val overCellular = start.body.optBoolean("requires_carrier_network", true)
        val landing = open(start.body.optString("auth_url"), overCellular)
        if (landing.body.has("next_action")) return act(landing)
        // Somebody else's word: no cellular connection, a timeout, a page of the carrier, a problem of Vonage.
        if (landing.status != 200 || !landing.body.has("code")) return Outcome.UseFallback

        // The object, unchanged.
        return finish(landing.body)
    }

    /** @return null for `start_again` */
    private fun finish(body: JSONObject): Outcome? {
        val finish = post("/v1/number-verification", body)
        if (finish.status != 200) return act(finish)
        return if (finish.body.optBoolean("phone_number_verified")) {
            Outcome.Verified(finish.body.optString("phone_number"), finish.body.opt("receipt") as? String)
        } else {
            Outcome.NotVerified
        }
    }

    /** What the app does after a problem. `retry` and `sign_in` have had their tries before. */
    private fun act(answer: Answer): Outcome? = when (answer.nextAction) {
        "ask_again" -> Outcome.AskAgain
        "sign_in" -> Outcome.SignIn
        "retry" -> Outcome.TryLater
        "start_again" -> null
        "use_fallback" -> Outcome.UseFallback
        // fix_request is a bug of this app; give_up, and whatever is added later, is the end too.
        else -> Outcome.GiveUp(answer.body.optString("request_id"))
    }

    /** Puts nothing of ours on the request: every hop belongs to somebody else. */
    private fun open(authUrl: String, overCellular: Boolean): Answer {
        if (!overCellular) return read { connect(authUrl) }
        val parameters = VGCellularRequestParameters(authUrl, emptyMap(), emptyMap(), 10)
        return try {
            val result = VGCellularRequestClient.getInstance().startCellularGetRequest(parameters, false)
            // With `error`, such as sdk_no_data_connectivity, there is neither of the two.
            Answer(result.optInt("http_status"), result.optJSONObject("response_body") ?: JSONObject())
        } catch (exception: IOException) {
            NO_ANSWER
        }
    }

    /**
     * Repeats while that helps: after `sign_in` once, with a new token; after `retry`, and when no answer came, as it is. A
     * finish whose answer was lost is repeated with the same body and gets the same result.
     */
    private fun post(path: String, body: JSONObject): Answer {
        var token = accessToken(false)
        var renewed = false
        var tries = 0
        while (true) {
            val answer = read { connect(serviceUrl + path).apply { send(token, body.toString()) } }
            tries += 1
            if (answer.nextAction == "sign_in" && !renewed) {
                token = accessToken(true)
                renewed = true
            } else if (answer.nextAction == "retry" && tries < MAX_TRIES && answer.retryAfterSeconds <= MAX_WAIT_SECONDS) {
                Thread.sleep(answer.retryAfterSeconds * 1000L)
            } else {
                return answer
            }
        }
    }

    private fun connect(url: String): HttpURLConnection {
        val connection = URL(url).openConnection() as HttpURLConnection
        connection.connectTimeout = TIMEOUT_MS
        connection.readTimeout = TIMEOUT_MS
        return connection
    }

    private fun HttpURLConnection.send(token: String, body: String) {
        requestMethod = "POST"
        setRequestProperty("Authorization", "Bearer $token")
        setRequestProperty("Content-Type", "application/json")
        doOutput = true
        outputStream.use { it.write(body.toByteArray()) }
    }

    private fun read(request: () -> HttpURLConnection): Answer {
        return try {
            val connection = request()
            val stream = if (connection.responseCode < 400) connection.inputStream else connection.errorStream
            val text = stream?.use { it.readBytes().toString(Charsets.UTF_8) } ?: ""
            Answer(connection.responseCode, parse(text), connection.getHeaderFieldInt("Retry-After", 1))
        } catch (exception: IOException) {
            NO_ANSWER
        }
    }

    private fun parse(text: String): JSONObject = try {
        JSONObject(text)
    } catch (exception: JSONException) {
        JSONObject()
    }

    private class Answer(val status: Int, val body: JSONObject, val retryAfterSeconds: Int = 1) {
        /** Without a problem of ours: `retry` when no answer came or something before the service failed. */
        val nextAction: String = body.optString("next_action", if (status == 0 || status > 500) "retry" else "give_up")
    }

    private companion object {
        /** A finish may take 10 s. */
        const val TIMEOUT_MS = 15_000
        const val MAX_TRIES = 3
        /** Longer than that nobody looks at a spinner. */
        const val MAX_WAIT_SECONDS = 10
        const val MAX_ROUNDS = 2
        val NO_ANSWER = Answer(0, JSONObject())
    }
}
