package com.example.numberverification

import android.content.Context
import com.vonage.clientlibrary.VGCellularRequestClient

/** Verifies each number, and prints a line for each: the number and the outcome. */
fun main(arguments: Array<String>) {
    VGCellularRequestClient.initializeSdk(Context())
    val (serviceUrl, staleToken, token) = arguments
    val verification = NumberVerification(serviceUrl) { renew -> if (renew) token else staleToken }
    for (number in arguments.drop(3)) println("$number ${verification.verify(number)::class.java.simpleName}")
}
