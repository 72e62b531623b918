# docs/howto/deploy.md says what to do about each alarm.

locals {
  alarm_actions = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  alarms = {
    dead-letters = {
      description = "Messages that failed for good wait in the dead-letter queue; their attribute \"reason\" says why."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
    }
    oldest-message = {
      description = "Messages wait too long; the function is too slow for what arrives, or does not run at all."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.videos.name }
      statistic   = "Maximum"
      threshold   = var.oldest_message_alarm_seconds
    }
    errors = {
      description = "Invocations failed as a whole; a time-out, too little memory, or a wrong setting."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.function.function_name }
      statistic   = "Sum"
    }
    throttles = {
      description = "Invocations are refused for want of concurrency; messages lose deliveries by it."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.function.function_name }
      statistic   = "Sum"
      periods     = 3
    }
    duration = {
      description = "An invocation took more than nine tenths of the time-out."
      namespace   = "AWS/Lambda"
      metric      = "Duration"
      dimensions  = { FunctionName = aws_lambda_function.function.function_name }
      statistic   = "Maximum"
      threshold   = local.alarm_milliseconds
    }
    access-denied = {
      description = "The role, a bucket policy, a key or Supabase refuses an access; nothing is marked as failed by it."
      namespace   = var.metrics_namespace
      metric      = "Failures"
      dimensions  = { service = "frame-extractor", reason = "ACCESS_DENIED", outcome = "retry" }
      statistic   = "Sum"
    }
    state = {
      description = "Supabase, or DynamoDB, does not answer repeatedly; messages use up their deliveries."
      namespace   = var.metrics_namespace
      metric      = "Failures"
      dimensions  = { service = "frame-extractor", reason = "STATE_UNAVAILABLE", outcome = "retry" }
      statistic   = "Sum"
      period      = 900
      threshold   = 10 # one failure alone is what the next delivery is for
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "each" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = try(each.value.period, 300)
  evaluation_periods  = try(each.value.periods, 1)
  threshold           = try(each.value.threshold, 0)
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "stalled" {
  count               = var.enabled ? 1 : 0
  alarm_name          = "${var.name}-stalled"
  alarm_description   = "Messages wait, and nothing works on them, not even with errors."
  evaluation_periods  = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  # No invocation lasts longer than a period: whatever is at work begins another one in the next.
  metric_query {
    id          = "stalled"
    expression  = "IF(FILL(begun, 0) == 0, waiting, 0)"
    label       = "messages that wait while nothing begins"
    return_data = true
  }
  metric_query {
    id          = "waiting"
    return_data = false
    metric {
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.videos.name }
      stat        = "Minimum"
      period      = 900
    }
  }
  metric_query {
    id          = "begun"
    return_data = false
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = { FunctionName = aws_lambda_function.function.function_name }
      stat        = "Sum"
      period      = 900
    }
  }
}
