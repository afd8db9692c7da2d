/*
 * The public face of Vonage's Android client library 1.3.0, written from its documentation, and an operating system for it: enough
 * to compile the sample and to run it on a desktop's JVM. It opens URLs over whatever network there is, and refuses http.
 */
package com.vonage.clientlibrary

import android.content.Context
import java.io.IOException
import java.net.HttpURLConnection
import java.net.MalformedURLException
import java.net.URL
import org.json.JSONObject

class VGCellularRequestParameters(
    val url: String,
    val headers: Map<String, String>,
    val queryParameters: Map<String, String>,
    val maxRedirectCount: Int = 10
)

class VGCellularRequestClient private constructor() {
    @Suppress("UNUSED_PARAMETER")
    fun startCellularGetRequest(params: VGCellularRequestParameters, debug: Boolean): JSONObject {
        if (!params.url.startsWith("https:")) throw MalformedURLException("Only HTTPS URLs are supported")
        return try {
            val connection = URL(params.url).openConnection() as HttpURLConnection
            val isProblem = connection.responseCode >= 400
            val text = (if (isProblem) connection.errorStream else connection.inputStream).use { it.reader().readText() }
            val result = JSONObject().put("http_status", connection.responseCode)
            if (text.startsWith("{")) result.put("response_body", JSONObject(text)) else result.put("response_raw_body", text)
        } catch (exception: IOException) {
            JSONObject().put("error", "sdk_connection_error").put("error_description", exception.message)
        }
    }

    companion object {
        private var instance: VGCellularRequestClient? = null

        @Suppress("UNUSED_PARAMETER")
        fun initializeSdk(context: Context): VGCellularRequestClient =
            instance ?: VGCellularRequestClient().also { instance = it }

        fun getInstance(): VGCellularRequestClient =
            checkNotNull(instance) { "VGCellularRequestClient is not initialized, call initializeSdk(...) first" }
    }
}
