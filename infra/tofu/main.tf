# The same deployment as infra/template.yaml: tests/infra compares the two. docs/howto/deploy.md explains both.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  uses_supabase = var.state_backend == "supabase"
  uses_dynamodb = var.state_backend == "dynamodb"
  in_vpc        = length(var.subnet_ids) > 0 && length(var.security_group_ids) > 0

  # 6 x time-out, as AWS asks for, and the longest batching window.
  visibility_seconds = 6 * var.timeout_seconds + 60
  # Nine tenths of the time-out.
  alarm_milliseconds = 900 * var.timeout_seconds
  # Two videos (one is fetched while another is decoded), and some room.
  disk_mib = max(512, ceil(var.max_video_mb * 2.048))

  unknown_settings = [
    for name, value in var.settings : name
    if !can(regex(local.setting_patterns[name], value))
  ]
}

# --- State ---
resource "aws_dynamodb_table" "videos" {
  count        = local.uses_dynamodb && var.videos_table == "" ? 1 : 0
  name         = "${var.name}-videos"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "video_id"

  attribute {
    name = "video_id"
    type = "S"
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled     = var.kms_key_arn != "" # without it, the table is encrypted with a key of DynamoDB's own
    kms_key_arn = var.kms_key_arn == "" ? null : var.kms_key_arn
  }
  lifecycle {
    prevent_destroy = true
  }
}

# --- Function ---
resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn == "" ? null : var.kms_key_arn
}

resource "aws_lambda_function" "function" {
  function_name                  = var.name
  description                    = "Turns videos into frames"
  package_type                   = "Image"
  image_uri                      = var.image_uri
  architectures                  = [var.architecture]
  role                           = aws_iam_role.function.arn
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserve_concurrency ? var.maximum_concurrency : null
  kms_key_arn                    = var.environment_kms_key_arn == "" ? null : var.environment_kms_key_arn

  ephemeral_storage {
    size = local.disk_mib
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }
  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }
  vpc_config { # two empty lists are no VPC
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }
  environment {
    variables = merge(
      local.setting_variables,
      {
        S3_BUCKET_VIDEOS      = local.videos_bucket
        S3_BUCKET_FRAMES      = local.frames_bucket
        SQS_QUEUE_URL         = aws_sqs_queue.videos.url
        DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters.url
      },
      local.uses_supabase ? {
        SUPABASE_URL            = var.supabase_url
        SUPABASE_KEY_SECRET_ARN = var.supabase_key_secret_arn
      } : {},
      local.uses_dynamodb ? {
        STATE_BACKEND = var.state_backend
        VIDEOS_TABLE  = var.videos_table == "" ? aws_dynamodb_table.videos[0].name : var.videos_table
      } : {},
    )
  }

  depends_on = [aws_iam_role_policy.work] # Lambda checks the role when it connects a function to subnets

  lifecycle {
    precondition {
      condition     = !local.uses_supabase || var.supabase_url != ""
      error_message = "state_backend = \"supabase\" needs supabase_url"
    }
    precondition {
      condition     = !local.uses_supabase || var.supabase_key_secret_arn != ""
      error_message = "state_backend = \"supabase\" needs supabase_key_secret_arn"
    }
    precondition {
      condition     = (length(var.subnet_ids) == 0) == (length(var.security_group_ids) == 0)
      error_message = "subnet_ids need security_group_ids, and security_group_ids need subnet_ids"
    }
    precondition {
      condition     = length(local.unknown_settings) == 0
      error_message = "settings: no such setting, or not a value of it: ${join(", ", local.unknown_settings)}"
    }
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn                   = aws_sqs_queue.videos.arn
  function_name                      = aws_lambda_function.function.function_name
  enabled                            = var.enabled
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  # Not the function's own concurrency: beyond that, the poller's batches would be throttled, and each
  # throttled batch uses up one of the deliveries that a message has.
  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}
