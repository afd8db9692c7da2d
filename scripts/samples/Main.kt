package com.example.numberverification

import android.content.Context
import com.vonage.clientlibrary.VGCellularRequestClient

/** Verifies each number, and prints a line for each: the number and the outcome. After `sms:` by a code, which is guessed. */
fun main(arguments: Array<String>) {
    VGCellularRequestClient.initializeSdk(Context())
    val (serviceUrl, staleToken, token) = arguments
    val verification = NumberVerification(serviceUrl) { renew -> if (renew) token else staleToken }
    for (number in arguments.drop(3)) {
        val outcomes =
            if (number.startsWith("sms:")) verification.guess(number.removePrefix("sms:")) else listOf(verification.verify(number))
        println("$number ${outcomes.joinToString(",") { it::class.java.simpleName }}")
    }
}

private fun NumberVerification.guess(number: String): List<Outcome> = when (val request = requestCode(number)) {
    is CodeRequest.Failed -> listOf(request.outcome)
    is CodeRequest.Sent -> List(3) { finishWithCode("x".repeat(request.codeLength), request.state) }
}
